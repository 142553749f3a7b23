"""No container engine runs here: what the container files name is compared with what there is."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from app.settings import PREFIX, ServiceSettings
from tests.docs.documents import REPOSITORY, command_line
from tests.service.process import COMMAND

SETTINGS = {PREFIX + name.upper() for name in ServiceSettings.model_fields}
PORT = ServiceSettings.model_fields["port"].default
WORKDIR = Path("/figment")


@pytest.fixture(scope="module")
def steps():
    """(stage, instruction, arguments) of the Dockerfile, comments gone."""
    stage, found = "", []
    for line in (REPOSITORY / "Dockerfile").read_text().splitlines():
        if line and not line.startswith("#"):
            instruction, _, arguments = line.partition(" ")
            if instruction == "FROM":
                stage = arguments.rpartition(" AS ")[2]
            found.append((stage, instruction, arguments))
    return found


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]


def arguments_of(steps, stage, instruction):
    return [arguments for at, name, arguments in steps if (at, name) == (stage, instruction)]


class TestDockerfile:
    def test_what_is_copied_exists_and_is_in_the_build_context(self, steps):
        let_in = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        copied = arguments_of(steps, "build", "COPY")[0].split()[:-1]
        copied += [arguments.split()[0] for arguments in arguments_of(steps, "build", "COPY")[1:]]
        for name in copied:
            assert (REPOSITORY / name).exists(), name
            assert name in let_in, name

    def test_service_is_started_as_the_tests_start_it(self, steps):
        (command,) = arguments_of(steps, "serve", "CMD")
        assert json.loads(command) == ["python", *COMMAND[1:]]

    def test_health_check_asks_a_path_of_the_contract(self, steps):
        (check,) = arguments_of(steps, "serve", "HEALTHCHECK")
        (path,) = re.findall(r"\}(/[a-z/]+)", check)
        assert path in json.loads((REPOSITORY / "docs/openapi.json").read_text())["paths"]

    def test_health_check_is_python(self, steps):
        (check,) = arguments_of(steps, "serve", "HEALTHCHECK")
        python, flag, program = json.loads(check.partition("CMD ")[2])
        assert (python, flag) == ("python", "-c")
        compile(program, "HEALTHCHECK", "exec")

    def test_variables_are_settings_and_the_port_is_the_default(self, steps):
        (variables,) = [line for line in arguments_of(steps, "serve", "ENV") if PREFIX in line]
        values = dict(part.split("=", 1) for part in shlex.split(variables))
        assert set(values) <= SETTINGS
        assert values["FIGMENT_PORT"] == str(PORT)
        assert arguments_of(steps, "serve", "EXPOSE") == [str(PORT)]

    def test_nobody_is_root(self, steps):
        for stage in ("serve", "train"):
            assert arguments_of(steps, stage, "USER") == ["figment"]

    def test_only_the_training_image_installs_torch(self, steps):
        stages = {at: arguments.split()[0] for at, name, arguments in steps if name == "FROM"}
        assert stages["serve"] == "base"
        assert arguments_of(steps, "serve", "COPY") == ["--from=build /opt/figment /opt/figment"]
        assert not any("[train" in arguments for arguments in arguments_of(steps, "build", "RUN"))
        assert any("[train" in arguments for arguments in arguments_of(steps, "build-train", "RUN"))

    def test_serving_is_the_default_target(self, steps):
        assert steps[-1][0] == "serve"


class TestCompose:
    def test_targets_are_stages(self, services, steps):
        stages = {stage for stage, _, _ in steps}
        assert all(service["build"]["target"] in stages for service in services.values())

    def test_service_is_published_on_loopback_at_the_default_port(self, services):
        assert services["figment"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]

    def test_variables_are_settings_that_the_service_accepts(self, services):
        environment = {
            name: value for name, value in services["figment"]["environment"].items() if name.startswith(PREFIX)
        }
        assert set(environment) <= SETTINGS
        settings = ServiceSettings(**{name.removeprefix(PREFIX).lower(): value for name, value in environment.items()})
        assert not settings.allow_anonymous  # so it takes a key
        assert settings.host == "0.0.0.0"

    def test_shop_s_database_is_in_a_volume_that_the_service_s_user_owns(self, services, steps):
        source, folder = services["figment"]["volumes"][1].split(":")
        environment = services["figment"]["environment"]
        assert source in yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["volumes"]
        assert environment["FIGMENT_DATABASE_URL"].startswith(f"sqlite+aiosqlite:///{folder}/")
        assert environment["SQLITE_TMPDIR"] == folder
        assert any(f"install -d -o figment -g figment {folder}" in one for one in arguments_of(steps, "base", "RUN"))

    def test_bundles_are_mounted_where_the_service_looks(self, services):
        source, target, mode = services["figment"]["volumes"][0].split(":")
        assert Path(source) == ServiceSettings.model_fields["bundles"].default
        assert target == services["figment"]["environment"]["FIGMENT_BUNDLES"]
        assert mode == "ro"

    def test_train_writes_where_the_service_reads(self, services):
        source, target = services["train"]["volumes"][0].split(":")
        bundles = ServiceSettings.model_fields["bundles"].default
        assert Path(target) / bundles.relative_to(source) == WORKDIR / bundles
        assert services["train"]["profiles"] == ["train"]

    def test_grace_is_longer_than_draining(self, services):
        settings = ServiceSettings()
        grace_seconds = int(services["figment"]["stop_grace_period"].removesuffix("s"))
        assert grace_seconds > settings.drain_notice_seconds + settings.drain_seconds

    def test_verbs_exist(self, services, steps):
        named = [services["train"]["command"], json.loads(arguments_of(steps, "train", "CMD")[0])]
        named += re.findall(r"run --rm train ([a-z]+)", (REPOSITORY / "docker-compose.yml").read_text())
        for command in named:
            verb = command if isinstance(command, str) else command[0]
            assert verb in command_line()
