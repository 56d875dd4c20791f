# Two images from one file: `api` answers HTTP, `worker` trains. They share all layers up to their own few packages.
#
# TORCH_INDEX  one more package index for pip, for instance that of PyTorch's CPU-only builds (about 200 MB to fetch).
#              Without it Linux on x86_64 is sent the build with CUDA: about 3 GB to fetch, and more once unpacked.
#
# pip's answers come from pyproject.toml and constraints.txt alone; no heredocs and no mounts, so that any builder reads this file.

FROM python:3.11-slim AS python
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_INPUT=1 \
    PIP_ROOT_USER_ACTION=ignore

# What is required, apart from the rest of pyproject.toml: the layers below are made anew when this changes, and only then.
FROM python AS requirements
WORKDIR /requirements
COPY pyproject.toml constraints.txt ./
RUN python -c "import pathlib, tomllib; \
    whole = tomllib.loads(pathlib.Path('pyproject.toml').read_text()); \
    project, extras = whole['project'], whole['project']['optional-dependencies']; \
    lists = {'build': whole['build-system']['requires'], \
             'worker': project['dependencies'] + extras['worker'], \
             'server': project['dependencies'] + extras['server'] + extras['object-store']}; \
    [pathlib.Path(f'{name}.txt').write_text('\n'.join(wanted)) for name, wanted in lists.items()]"

# Ganymede itself, built and laid out as it goes into both images.
FROM python AS package
COPY --from=requirements /requirements/build.txt /requirements/constraints.txt /requirements/
RUN pip install -c /requirements/constraints.txt -r /requirements/build.txt
WORKDIR /source
COPY . .
RUN pip install --no-deps --no-build-isolation --prefix=/package .

FROM python AS runtime
# Named volumes take over folder and owner from here. HOME is /tmp: the root is read-only in docker-compose.yml.
RUN useradd --uid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin ganymede \
    && install -d -o ganymede -g ganymede -m 0750 /var/lib/ganymede
ARG TORCH_INDEX=""
COPY --from=requirements /requirements/worker.txt /requirements/constraints.txt /requirements/
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c /requirements/constraints.txt -r /requirements/worker.txt
# OMP_WAIT_POLICY: docs/decisions/0003-threads-that-wait-sleep.md
ENV GANYMEDE_HOME=/var/lib/ganymede \
    OMP_WAIT_POLICY=PASSIVE \
    PYTHONUNBUFFERED=1

FROM runtime AS worker
COPY --from=package /package /usr/local
USER 10001
CMD ["python", "-P", "-m", "worker"]

FROM runtime AS api
COPY --from=requirements /requirements/server.txt /requirements/
RUN pip install -c /requirements/constraints.txt -r /requirements/server.txt
COPY --from=package /package /usr/local
USER 10001
EXPOSE 8000
CMD ["python", "-P", "-m", "app"]
