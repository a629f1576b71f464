"""What is in deploy/ for containers and systemd fits the program: names, ports, paths, times, rights."""

import copy
import json
import pathlib
import re
import shutil
import subprocess

import pytest

import manifests
from manifests import CHART, DEPLOY, charted, containers, files, kustomized, load, only, pod
from proxy import BINARY, environment, run

PLACES = [pytest.param(kustomized, id="kustomize"), pytest.param(charted, id="chart")]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def says_only_that_secrets_are_missing(text):
    """The samples leave the vendor's secrets to whoever installs them, and check says so."""
    return all(line.startswith("verify: neither generation is verified") for line in text.splitlines())


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|min|m|h)?", str(text)).groups()
    return int(number) * {None: 1, "s": 1, "min": 60, "m": 60, "h": 3600}[unit]


@pytest.fixture(scope="module")
def settings():
    """All settings of the program, by name."""
    return {each["name"]: each for each in json.loads(run("settings", "--json").stdout)}


def check_variables(names, settings):
    """Each is a setting's, or the file of one."""
    known = {each["variable"] for each in settings.values()}
    for name in names:
        if name.startswith("HOOKSHIFT_"):
            assert name in known or name.removesuffix("_FILE") in known, name


def unpack(found, folder):
    """Files of a container below a folder, with paths in them that point there as well."""
    for path, text in found.items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(re.sub(r"(?<=[\":])/(etc|var)/", rf"{folder}/\1/", text))


def check(folder, arguments, variables):
    """`hookshift check` of what a container would serve."""
    assert arguments[0] == "serve"
    (folder / "var/lib/hookshift").mkdir(parents=True, exist_ok=True)  # the volume
    inside = [re.sub(r"^/", f"{folder}/", each) for each in arguments[1:]]
    env = {name: re.sub(r"(^|:)/(etc|var|run)/", rf"\1{folder}/\2/", value) for name, value in variables.items()}
    return subprocess.run([BINARY, "check", *inside], capture_output=True, text=True, check=False,
                          env={**environment(), **env})


# --- all of it

@pytest.mark.parametrize("path", [path for path in sorted(DEPLOY.rglob("*.y*ml")) if "templates" not in path.parts],
                         ids=lambda path: str(path.relative_to(DEPLOY)))
def test_yaml_is_strict(path):
    """YAML without tabs, tags, or keys that stand twice."""
    assert manifests.parse(path.read_text())


def test_kustomization_is_whole():
    """Every file of the folder is used."""
    folder = DEPLOY / "kubernetes"
    kustomization = load(folder / "kustomization.yaml")
    made = {name for each in kustomization["configMapGenerator"] for name in each["files"]}
    assert made | {*kustomization["resources"], "kustomization.yaml"} == {path.name for path in folder.iterdir()}


# --- Kubernetes

def comparable(found):
    """By kind and name, without what a chart and kustomize do each in their own way."""
    found = copy.deepcopy(found)
    pod(found)["metadata"].pop("annotations", None)
    for each in found:
        if each["kind"] == "ConfigMap":
            each["metadata"].pop("labels", None)
    return {(each["kind"], each["metadata"]["name"]): each for each in found if each["kind"] != "Namespace"}


def test_chart_is_the_same():
    """The chart's values as they are give what deploy/kubernetes gives."""
    assert comparable(charted()) == comparable(kustomized())


@pytest.mark.skipif(not shutil.which("helm"), reason="Debian has no helm; manifests.py renders the chart")
def test_helm_agrees():
    """Helm renders the chart as manifests.py does."""
    done = subprocess.run(["helm", "template", "hookshift", CHART], capture_output=True, text=True, check=True)
    assert comparable(manifests.parse(done.stdout)) == comparable(charted())


def test_chart_with_other_values():
    """Names follow the release; values arrive where they belong; a Secret of one's own replaces the chart's."""
    found = charted("hooks", existingSecret="mine", storage={"size": "1Gi", "storageClass": "fast"},
                    image={"repository": "example.com/h", "tag": "2"}, clients={"team": "ops"})
    assert not [each for each in found if each["kind"] == "Secret"]
    assert all(each["metadata"]["name"].startswith("hooks") for each in found)
    assert "hookshift" not in json.dumps(only(found, "Service", "hooks"))
    spec = pod(found)["spec"]
    assert next(each for each in spec["volumes"] if each["name"] == "secrets")["secret"]["secretName"] == "mine"
    assert containers(found)[0]["image"] == "example.com/h:2"
    claim = only(found, "StatefulSet")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["storageClassName"] == "fast" and claim["resources"]["requests"]["storage"] == "1Gi"
    allowed = only(found, "NetworkPolicy")["spec"]["ingress"][1]["from"]
    assert [each["podSelector"]["matchLabels"] for each in allowed] == [{"team": "ops"}]
    assert pod(charted())["metadata"]["annotations"] != pod(charted(settings="{}"))["metadata"]["annotations"]


def test_chart_has_the_version():
    """Chart and image have the version of the program."""
    version = run("version").stdout.decode().split()[1]
    chart = load(CHART / "Chart.yaml")
    assert (chart["version"], chart["appVersion"], load(CHART / "values.yaml")["image"]["tag"]) == (version,) * 3
    assert containers(kustomized())[0]["image"].endswith(f":{version}")
    assert f"ARG VERSION={version}\n" in DOCKERFILE


@pytest.mark.parametrize("place", PLACES)
def test_pod_starts(place, tmp_path, settings):
    """The program takes what the pod mounts and sets, once there is a token, and refuses to start without."""
    found = place()
    (container,) = containers(found)
    variables = {each["name"]: each["value"] for each in container["env"]}
    check_variables(variables, settings)
    unpack(files(found), tmp_path)
    done = check(tmp_path, container["args"], variables)
    assert done.returncode == 2 and "there is no admin.token" in done.stderr
    token = tmp_path / variables["HOOKSHIFT_ADMIN_TOKEN_FILE"].lstrip("/")
    assert token.read_text() == ""
    token.write_text("of-the-operator\n")
    done = check(tmp_path, container["args"], variables)
    assert done.returncode == 0 and says_only_that_secrets_are_missing(done.stderr), done.stderr


@pytest.mark.parametrize("place", PLACES)
def test_pod_has_its_places(place):
    """The store is on the claim, the flags in a folder that is mounted as a whole."""
    found = place()
    given = files(found)
    config = json.loads(re.sub(r"//(?=\s).*", "", given["/etc/hookshift/settings/settings.json"]))
    assert config["flags"]["file"] in given
    assert config["store"]["url"].removeprefix("sqlite:").rpartition("/")[0] in manifests.claims(found)
    names = [each["name"] for each in containers(found)[0]["volumeMounts"]]
    assert sorted(names) == sorted(["store", *(each["name"] for each in pod(found)["spec"]["volumes"])])


@pytest.mark.parametrize("place", PLACES)
def test_pod_ports(place, settings):
    """Ports are those that the program listens on, and services, probes and policy name ports that there are."""
    found = place()
    (container,) = containers(found)
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    config = json.loads(re.sub(r"//(?=\s).*", "", files(found)["/etc/hookshift/settings/settings.json"]))
    listen = config.get("listen", settings["listen"]["default"])
    assert ports == {"webhooks": int(listen.split(":")[1]), "admin": int(config["admin"]["listen"].split(":")[1])}
    assert config["admin"]["listen"].startswith("0.0.0.0:"), "a probe does not come over loopback"
    labels = pod(found)["metadata"]["labels"]
    services = [each for each in found if each["kind"] == "Service"]
    for service in services:
        assert service["spec"]["selector"].items() <= labels.items()
        assert {each["targetPort"] for each in service["spec"]["ports"]} <= set(ports)
    policy = only(found, "NetworkPolicy")["spec"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == ["webhooks", "admin"]
    assert "from" not in policy["ingress"][0] and "from" in policy["ingress"][1]
    selectors = [policy["podSelector"], only(found, "PodDisruptionBudget")["spec"]["selector"],
                 only(found, "StatefulSet")["spec"]["selector"]]
    assert all(each["matchLabels"].items() <= labels.items() for each in selectors)
    assert only(found, "StatefulSet")["spec"]["serviceName"] in [each["metadata"]["name"] for each in services]


@pytest.mark.parametrize("place", PLACES)
def test_pod_probes(place, start):
    """Probes ask what the program answers, without a token."""
    (container,) = containers(place())
    proxy = start(admin__token="of-the-operator")
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    asked = {name: probe["path"] for name, probe in paths.items()}
    assert asked == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    for probe in paths.values():
        assert probe["port"] == "admin"
        assert proxy.request("GET", probe["path"], port=proxy.admin_port).status == 200


@pytest.mark.parametrize("place", PLACES)
def test_pod_rights(place, settings):
    """One pod, as the user of the image, on a read-only root, without capabilities, with time to end in order."""
    found = place()
    (container,), spec = containers(found), pod(found)["spec"]
    user, group = map(int, re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE).groups())
    assert spec["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": group,
                                               "fsGroup": group, "seccompProfile": {"type": "RuntimeDefault"}}.items()
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"]}}
    assert spec["automountServiceAccountToken"] is False
    assert spec["terminationGracePeriodSeconds"] >= seconds(settings["drain_time"]["default"]) + 10
    assert only(found, "StatefulSet")["spec"]["replicas"] == 1
    assert only(found, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1, "else no node could be drained"


# --- image and compose

def image_environment():
    block = re.search(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)[1]
    return dict(re.findall(r"(\w+)=(\S+)", block))


def test_dockerfile(settings):
    """It sets what there is, checks itself by the program, and has neither shell nor rights in its commands."""
    variables = image_environment()
    check_variables(variables, settings)
    volume = re.search(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE)[1]
    assert variables["HOOKSHIFT_STORE_URL"].startswith(f"sqlite:{volume}/")
    ports = {settings[name]["default"].split(":")[1] for name in ("listen", "admin.listen")}
    assert set(re.search(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)[1].split()) == ports
    commands = re.findall(r"^(?:ENTRYPOINT|CMD|HEALTHCHECK .* CMD) (.*)$", DOCKERFILE, re.MULTILINE)
    program = "/usr/bin/hookshift"
    assert [json.loads(each) for each in commands] == [[program, "health"], [program], ["serve"]]


@pytest.fixture
def compose():
    return load(DEPLOY / "compose.yaml")


def test_compose_mounts_what_is_there(compose):
    """Every folder, volume and secret that a service names is there, or is said to be made beforehand."""
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), volume
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        if service.get("read_only"):  # Compose copies other secrets into the container, which it then cannot
            assert all("file" in compose["secrets"][name] for name in service.get("secrets", []))
        assert set(service.get("depends_on", [])) <= set(compose["services"])


def test_compose_starts(compose, tmp_path, settings):
    """The program takes what the service gets: variables, the folder of flags, the secret."""
    service = compose["services"]["hookshift"]
    variables = {**image_environment(), **service["environment"]}
    check_variables(variables, settings)
    mounts = {target: DEPLOY / source for source, target, *_ in (each.split(":") for each in service["volumes"])
              if source.startswith("./")}
    flags = pathlib.Path(variables["HOOKSHIFT_FLAGS_FILE"])
    secret = variables["HOOKSHIFT_ADMIN_TOKEN_FILE"]
    assert secret == f"/run/secrets/{service['secrets'][0]}"
    unpack({str(flags): (mounts[str(flags.parent)] / flags.name).read_text(), secret: "of-the-operator\n"}, tmp_path)
    done = check(tmp_path, ["serve"], {name: variables[name] for name in variables if name.startswith("HOOKSHIFT_")})
    assert done.returncode == 0 and says_only_that_secrets_are_missing(done.stderr), done.stderr
    store = variables["HOOKSHIFT_STORE_URL"].removeprefix("sqlite:")
    assert [each for each in service["volumes"] if each == f"store:{pathlib.Path(store).parent}"]
    assert seconds(service["stop_grace_period"]) >= seconds(settings["drain_time"]["default"]) + 10


def test_compose_ports(compose):
    """Services find each other: consumers, Prometheus, Grafana; only webhooks can be reached from outside."""
    services = compose["services"]
    variables = services["hookshift"]["environment"]
    for side in ("legacy", "new"):
        url = variables[f"HOOKSHIFT_ENDPOINTS_{side.upper()}_URL"]
        host, port = re.fullmatch(r"http://(\w+):(\d+)/hooks", url).groups()
        assert services[host]["command"] == ["sink", "--listen", f"0.0.0.0:{port}"]
    admin = variables["HOOKSHIFT_ADMIN_LISTEN"].split(":")[1]
    (job,) = load(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"hookshift:{admin}"]}]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{services['prometheus']['secrets'][0]}"
    (source,) = load(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = load(DEPLOY / "grafana/provisioning/dashboards/hookshift.yaml")["providers"]
    assert f"./grafana/hookshift.json:{provider['options']['path']}/hookshift.json:ro" in services["grafana"]["volumes"]
    published = {port for service in services.values() for port in service.get("ports", [])}
    assert {port for port in published if not port.startswith("127.0.0.1:")} == {"8080:8080"}


def test_compose_rights(compose):
    """hookshift and its sinks run read-only, without capabilities."""
    for name in ("hookshift", "legacy", "new"):
        service = compose["services"][name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["build"] == {"context": "..", "dockerfile": "deploy/Dockerfile"}, "else it is pulled"
        assert service["security_opt"] == ["no-new-privileges:true"]


# --- systemd

UNIT = DEPLOY / "systemd/hookshift.service"


def test_unit_fits(settings):
    """It is told how the program is, asks it what it can do, and gives it time to end in order."""
    unit = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    assert unit["Type"] == "notify" and seconds(unit["WatchdogSec"]) >= 20
    assert seconds(unit["TimeoutStopSec"]) >= seconds(settings["drain_time"]["default"]) + 10
    for key, command in (("ExecStartPre", "check"), ("ExecStart", "serve")):
        assert unit[key] == f"/usr/bin/hookshift {command} --config /etc/hookshift/hookshift.json"
    limits = ["limits.connections", "endpoints.legacy.concurrency", "endpoints.new.concurrency"]
    assert int(unit["LimitNOFILE"]) > sum(int(settings[name]["default"]) for name in limits) + 100


@pytest.fixture
def unit(tmp_path):
    """The unit, with the program where it is."""
    path = tmp_path / "hookshift.service"
    path.write_text(UNIT.read_text().replace("/usr/bin/hookshift", str(BINARY)))
    return path


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")


@needs_systemd
def test_unit_is_understood(unit):
    """systemd knows every line of it."""
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
                          capture_output=True, text=True, check=False)
    about_it = [line for line in done.stderr.splitlines() if "hookshift" in line]
    assert (done.returncode, about_it) == (0, []), done.stderr


@needs_systemd
def test_unit_is_hardened(unit):
    """What systemd calls its exposure is small: 2 of 10."""
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
