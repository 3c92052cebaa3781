"""Faults between the unmodified operator and a real API server, one at an exact place in each trial.

    make chaos                                        # every campaign
    make chaos PART=kills WORKLOAD=create TRIALS=10 SEED=1
    make chaos PART=planted                           # bugs of our own making: is the rig worth anything?

A trial is one (workload, place, fault), and has a name with which it is run again. It is judged against runs without a
fault (`oracle`): the same objects in the end, as often made and deleted, and then silence. Workers never run: a
stand-in says of each Pod that it is ready (`kubelet`).

For a campaign of one's own: `world.trial` runs a workload with one `Plan`; `world.staged` gives the parts (operator
behind its proxy, namespace) to do other things with, and `world.live` the rest of a trial. `campaigns.CAMPAIGNS` is
where the runner finds campaigns.
"""
