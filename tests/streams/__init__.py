"""Proof that nothing is lost: streams through every change, workers that are killed, clients that are slow, deletes.

    make streams                                  # everything: half an hour; figures in bench/results/streams
    make streams PART=changes STREAMS=200 SEED=7  # or kills, slow, deletes, idle
    make streams PART=kills KILLS=50
    make streams PUBLISH=1                        # the tables of docs/reliability.md from those figures

What is real: the gateway (`python -m tidegate_gateway`), the operator, etcd, the API server, the controller-manager
with its garbage collector. What is simulated: workers, whose text is a function of the prompt (`words`), so that a
client sees any token that is missing, doubled or another's; the kubelet; a Service's choice of a gateway for each new
connection.
"""
