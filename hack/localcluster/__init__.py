"""A real Kubernetes on a plain Linux machine, without Docker.

Two ways in:

* ``controlplane.start("name")``: an isolated etcd + kube-apiserver for tests, gone with its process.
* ``cluster.up()`` / ``cluster.down()``: one cluster per checkout, with a node that runs containers.

``python -m localcluster --help`` (with ``hack`` on the Python path) is the same for people. Everything lives
below one cache directory; only the standard library is used, so it runs before anything is installed.
"""
