# Every page on port 7860, served by a user without rights:
#   docker build --tag seqcore .
#   docker run --rm --publish 127.0.0.1:7860:7860 seqcore
# With torch from an index of wheels without CUDA, the image is 5 GB smaller:
#   docker build --build-arg TORCH=cpu --build-arg TORCH_INDEX=https://... --tag seqcore .
# `make check-container` runs the commands of RUN and CMD in a fresh folder, as a user without rights.
FROM python:3.12-slim
ARG TORCH=""
ARG TORCH_INDEX=""
RUN useradd --create-home --uid 10001 seqcore && mkdir /seqcore && chown seqcore /seqcore
USER seqcore
WORKDIR /seqcore
COPY --chown=seqcore . .
# The cache of what was downloaded would double the image.
RUN UV_NO_CACHE=1 python3 tools/install.py .venv --extras all --torch "$TORCH" --torch-index "$TORCH_INDEX"
# Pools of memory that threads leave behind are given back, so that a server that was busy once becomes small again.
ENV MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health')"]
# Running calls have 25 s (--grace): docker stop --time 30.
STOPSIGNAL SIGTERM
CMD [".venv/bin/python", "-m", "apps", "--host", "0.0.0.0"]
