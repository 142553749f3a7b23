# Two images from one file. `serve`, the last and so the default, holds no torch; `train` adds it.
#   docker build -t figment .
#   docker build -t figment-train --target train .

FROM python:3.12-slim AS base
ENV PATH=/opt/figment/bin:$PATH PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# A volume mounted on /figment/shop takes its owner from here.
RUN useradd --create-home --uid 1000 figment && install -d -o figment -g figment /figment/shop
WORKDIR /figment

FROM base AS build
RUN python -m venv /opt/figment
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app app
COPY models models
RUN pip install -c constraints.txt ".[otel]"

FROM build AS build-train
# PyTorch's own index of CPU wheels: without it the wheel brings gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install -c constraints.txt --extra-index-url "$TORCH_INDEX" ".[train,demo,otel]"

FROM base AS train
COPY --from=build-train /opt/figment /opt/figment
USER figment
ENTRYPOINT ["figment"]
CMD ["train", "--help"]

FROM base AS serve
COPY --from=build /opt/figment /opt/figment
# Other machines reach a container's address, so it takes an API key (figment keys create), or FIGMENT_ALLOW_ANONYMOUS=true.
ENV FIGMENT_HOST=0.0.0.0 FIGMENT_PORT=8000
USER figment
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['FIGMENT_PORT']}/health/ready\", timeout=2)"]
CMD ["python", "-m", "app.main"]
