#!/bin/sh
# Removes from the virtual environment $1 what no text model on a CPU ever loads: parts of CUDA that torch opens
# only on a GPU, and headers. What torch links to (cuBLAS, cuFFT, NCCL, ...) has to stay: `import torch` needs it.
# The tests of the worker run in an environment that this script has been through.
set -eu
cd "$1"/lib/python3.*/site-packages
rm -rf \
    nvidia/*/include \
    nvidia/*/lib/*.a \
    nvidia/cu13/lib/libcusolverMg.so* \
    nvidia/cu13/lib/libnvperf_*.so* \
    nvidia/cu13/lib/libnvrtc*.alt.so* \
    nvidia/cudnn/lib/libcudnn_*.so* \
    nvidia/nvshmem/lib/*.bc \
    torch/include \
    torch/lib/libtorch_cuda_linalg.so
