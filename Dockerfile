# The service without build tools, development packages or root.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
# --without-pip: the image that runs has nothing to install with.
RUN python -m venv --without-pip /opt/venv
COPY requirements.txt /tmp/requirements.txt
# --no-deps: the file is complete. --only-binary: a package without a wheel would need a compiler, so it fails here.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/venv/bin/python install --disable-pip-version-check --no-deps --only-binary :all: \
    -r /tmp/requirements.txt
WORKDIR /app
COPY . .
RUN /opt/venv/bin/python -m compileall -q -f --invalidation-mode unchecked-hash .

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --user-group --no-create-home adiuva \
    && install -d -o adiuva -g adiuva /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENV=prod \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data
USER adiuva
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, sys, http.client as h; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/api/v1/health'); sys.exit(c.getresponse().status != 200)"]
CMD ["python", "-m", "adiuva.server.serve"]
