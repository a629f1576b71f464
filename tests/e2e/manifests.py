"""Reads what is deployed: YAML without leniency, the chart rendered, and what is in a pod."""

import hashlib
import pathlib
import re

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
CHART = DEPLOY / "helm"


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently take the last."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"a key stands twice: {sorted(keys)} {node.start_mark}"
        return super().construct_mapping(node, deep)


def parse(text):
    """All documents of a text."""
    return [each for each in yaml.load_all(text, StrictLoader) if each is not None]


def load(path):
    documents = parse(path.read_text())
    assert len(documents) == 1, path
    return documents[0]


# --- kustomize, as far as deploy/kubernetes uses it

def kustomized(folder=DEPLOY / "kubernetes"):
    """The manifests with their ConfigMaps, and the image's full name."""
    kustomization = load(folder / "kustomization.yaml")
    known = {"apiVersion", "kind", "namespace", "images", "resources", "configMapGenerator"}
    assert set(kustomization) == known, "more than this understands"
    found = [each for name in kustomization["resources"] for each in parse((folder / name).read_text())]
    for made in kustomization["configMapGenerator"]:
        data = {name: (folder / name).read_text() for name in made["files"]}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": made["name"]}, "data": data})
    names = {each["name"]: f"{each['newName']}:{each['newTag']}" for each in kustomization["images"]}
    for container in containers(found):
        container["image"] = names[container["image"]]
    return found


# --- Helm, as far as deploy/helm uses it: fields, pipes of some functions, and if; anything else is refused

FUNCTIONS = {
    "quote": lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"',
    "sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "toYaml": lambda value: yaml.safe_dump(value, default_flow_style=False).strip(),
    "nindent": lambda width, text: "\n" + re.sub("^", " " * int(width), text, flags=re.MULTILINE),
    "default": lambda otherwise, value: value or otherwise,
    "printf": lambda form, *values: form % values,
    "not": lambda value: not value,
}


def helm_value(word, scope):
    if word.startswith('"'):
        return word.strip('"')
    if not word.startswith("."):
        return word
    value = scope
    for name in word[1:].split("."):
        value = value[name]  # what the chart does not define is an error here, and nothing in Helm
    return value


def helm_expression(text, scope):
    """A | b c | d."""
    piped = ()
    for stage in text.split("|"):
        words = re.findall(r'"[^"]*"|\S+', stage)
        if words[0] in FUNCTIONS:
            value = FUNCTIONS[words[0]](*(helm_value(word, scope) for word in words[1:]), *piped)
        else:
            assert len(words) == 1 and not piped, f"not understood: {text}"
            value = helm_value(words[0], scope)
        piped = (value,)
    return value


def helm_render(template, scope):
    template = re.sub(r"\s*\{\{-", "{{", template)
    kept, shown = [], [True]
    for index, part in enumerate(re.split(r"\{\{\s*(.*?)\s*\}\}", template)):
        if index % 2 == 0:
            kept.append(part if all(shown) else "")
        elif part.startswith("if "):
            shown.append(bool(helm_expression(part[3:], scope)))
        elif part == "end":
            shown.pop()
        elif all(shown):
            kept.append(str(helm_expression(part, scope)))
    assert shown == [True]
    return "".join(kept)


def charted(release="hookshift", **values):
    """What the chart makes of its values, some of them replaced."""
    scope = {"Values": {**load(CHART / "values.yaml"), **values}, "Release": {"Name": release}}
    templates = sorted((CHART / "templates").glob("*.yaml"))
    return [each for path in templates for each in parse(helm_render(path.read_text(), scope))]


# --- looking into manifests

def only(manifests, kind, name=None):
    found = [each for each in manifests if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    assert len(found) == 1, (kind, name)
    return found[0]


def pod(manifests):
    return only(manifests, "StatefulSet")["spec"]["template"]


def containers(manifests):
    return pod(manifests)["spec"]["containers"]


def files(manifests):
    """Path in the container to text, of all that is mounted from ConfigMaps and Secrets; a folder for each volume."""
    spec, (container,) = pod(manifests)["spec"], containers(manifests)
    found = {}
    for mount in container["volumeMounts"]:
        assert "subPath" not in mount, "a file mounted alone never changes"
        source = next((each for each in spec["volumes"] if each["name"] == mount["name"]), None)
        if source is None:
            continue  # a claim
        if "configMap" in source:
            data = only(manifests, "ConfigMap", source["configMap"]["name"])["data"]
        else:
            data = only(manifests, "Secret", source["secret"]["secretName"])["stringData"]
        found.update({f"{mount['mountPath']}/{name}": text for name, text in data.items()})
    return found


def claims(manifests):
    """Paths that last."""
    names = {each["metadata"]["name"] for each in only(manifests, "StatefulSet")["spec"]["volumeClaimTemplates"]}
    (container,) = containers(manifests)
    return [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in names]
