import yaml
from ruamel.yaml import YAML
from yaml import SafeLoader


class OwnLoader(yaml.SafeLoader):
    pass


def config(stream):
    # ruleid: python-unsafe-yaml
    yaml.load(stream)
    # ruleid: python-unsafe-yaml
    yaml.load(stream, Loader=yaml.Loader)
    # ruleid: python-unsafe-yaml
    yaml.unsafe_load(stream)
    # ruleid: python-unsafe-yaml
    yaml.full_load_all(stream)
    # ruleid: python-unsafe-yaml
    YAML(typ="unsafe").load(stream)
    # ok: python-unsafe-yaml
    yaml.safe_load(stream)
    # ok: python-unsafe-yaml
    yaml.load(stream, Loader=yaml.CSafeLoader)
    # ok: python-unsafe-yaml
    yaml.load(stream, SafeLoader)
    # ok: python-unsafe-yaml
    yaml.load(stream, Loader=OwnLoader)
    # ok: python-unsafe-yaml
    YAML(typ="safe").load(stream)
