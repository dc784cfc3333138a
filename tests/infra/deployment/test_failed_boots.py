"""Failed boots: the console output names the fault, and the health check fails."""

from pathlib import Path

import pytest

from tests.infra.deployment.deployed import Environment, seen_from_containers, user_data
from tests.infra.instance import booted
from tests.infra.local_aws import LocalAws


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("dnf install", "failed, 2 s until the next try: dnf install"),
        ("docker pull", "failed, 2 s until the next try: docker pull"),
        ("docker run --rm", "failed, 2 s until the next try: secret"),
        ("docker run --detach", "boot failed in line"),
        ("curl", "not healthy after two minutes"),
    ],
)
def test_a_failed_boot_is_reported_and_the_health_check_fails(
    aws: LocalAws, dev: Environment, tmp_path: Path, fault: str, message: str
) -> None:
    script = user_data(aws, dev)
    with booted(script, tmp_path, role=seen_from_containers(aws), fault=fault) as instance:
        assert instance.exit_code != 0
        assert message in instance.console
        assert "sepsis-detect: healthy" not in instance.console
        if fault == "curl":
            return  # the container runs; only its health is not seen
        started = [each for each in instance.calls if each[:3] == ["docker", "run", "--detach"]]
        assert bool(started) == (fault == "docker run --detach")
        with pytest.raises(OSError):  # noqa: PT011 - whichever way it is refused
            instance.service.ask("GET", "/health")


def test_an_instance_without_its_secret_is_never_healthy(
    aws: LocalAws, dev: Environment, tmp_path: Path
) -> None:
    """The usual cause of a stopped roll-out: /health stays 503."""
    missing = dev.outputs["KeysSecretArn"] + "-gone"
    script = user_data(aws, dev).replace(dev.outputs["KeysSecretArn"], missing)
    with booted(script, tmp_path, role=seen_from_containers(aws)) as instance:
        assert instance.exit_code == 1
        assert "not healthy after two minutes" in instance.console
        assert "keys_unreadable" in instance.console  # the service's last lines
        assert instance.service.ask("GET", "/health")[0] == 503
