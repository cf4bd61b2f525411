"""Writes tests/data/config_fields.json: the fields that transformers reads for each class.

    python tests/golden/config_fields.py  needs torch, transformers

For each supported class, its configuration as transformers writes it by default, and the names of
all fields that its modeling file reads. Each must have a row in the tables of src/model.
"""

import json
import pathlib
import re

import transformers

OUT = pathlib.Path(__file__).parent.parent / "data" / "config_fields.json"
CLASSES = {
    "Albert": "albert",
    "Bert": "bert",
    "Camembert": "camembert",
    "DistilBert": "distilbert",
    "Electra": "electra",
    "GPT2": "gpt2",
    "GPTNeoX": "gpt_neox",
    "Llama": "llama",
    "MPNet": "mpnet",
    "Mistral": "mistral",
    "ModernBert": "modernbert",
    "Qwen2": "qwen2",
    "Qwen3": "qwen3",
    "Roberta": "roberta",
    "SmolLM3": "smollm3",
    "XLMRoberta": "xlm_roberta",
}


def main():
    classes = {}
    for name, folder in CLASSES.items():
        config = json.loads(getattr(transformers, name + "Config")().to_json_string(use_diff=False))
        models = pathlib.Path(transformers.__path__[0]) / "models" / folder
        code = (models / f"modeling_{folder}.py").read_text()
        fields = set(re.findall(r"config\.([a-z][a-z_0-9]*)", code))
        fields |= set(re.findall(r'getattr\([a-z_.]*config, "([a-z_]+)"', code))
        config["architectures"] = [name + "Model"]
        classes[name] = {"config": config, "fields": sorted(fields)}
    about = {"transformers": transformers.__version__, "classes": classes}
    OUT.write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")


main()
