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
    "Bart": "bart",
    "Bert": "bert",
    "Bloom": "bloom",
    "CLIPText": "clip",
    "CLIPVision": "clip",
    "Camembert": "camembert",
    "Cohere": "cohere",
    "Deberta": "deberta",
    "DebertaV2": "deberta_v2",
    "DeiT": "deit",
    "Dinov2": "dinov2",
    "Dinov2WithRegisters": "dinov2_with_registers",
    "DistilBert": "distilbert",
    "Electra": "electra",
    "Esm": "esm",
    "EuroBert": "eurobert",
    "Falcon": "falcon",
    "GPT2": "gpt2",
    "GPTBigCode": "gpt_bigcode",
    "GPTJ": "gptj",
    "GPTNeo": "gpt_neo",
    "GPTNeoX": "gpt_neox",
    "Gemma": "gemma",
    "Gemma2": "gemma2",
    "Gemma3": "gemma3",
    "Glm": "glm",
    "Glm4": "glm4",
    "GptOss": "gpt_oss",
    "Granite": "granite",
    "Gte": "gte",
    "JinaEmbeddingsV3": "jina_embeddings_v3",
    "Llama": "llama",
    "M2M100": "m2m_100",
    "MBart": "mbart",
    "MPNet": "mpnet",
    "MT5": "mt5",
    "Marian": "marian",
    "Mistral": "mistral",
    "Mixtral": "mixtral",
    "ModernBert": "modernbert",
    "Mpt": "mpt",
    "NomicBert": "nomic_bert",
    "OPT": "opt",
    "Olmo2": "olmo2",
    "Olmoe": "olmoe",
    "Pegasus": "pegasus",
    "Phi": "phi",
    "Phi3": "phi3",
    "Qwen2": "qwen2",
    "Qwen3": "qwen3",
    "Qwen3Moe": "qwen3_moe",
    "Roberta": "roberta",
    "SiglipText": "siglip",
    "SiglipVision": "siglip",
    "SmolLM3": "smollm3",
    "StableLm": "stablelm",
    "Starcoder2": "starcoder2",
    "T5": "t5",
    "UMT5": "umt5",
    "ViT": "vit",
    "XLMRoberta": "xlm_roberta",
}
# What has no default.
NEEDED = {"Esm": dict(vocab_size=33, pad_token_id=1, mask_token_id=32)}


def main():
    classes = {}
    for name, folder in CLASSES.items():
        kind = getattr(transformers, name + "TextConfig", None)
        kind = kind or getattr(transformers, name + "Config")
        config = json.loads(kind(**NEEDED.get(name, {})).to_json_string(use_diff=False))
        models = pathlib.Path(transformers.__path__[0]) / "models" / folder
        code = (models / f"modeling_{folder}.py").read_text()
        fields = set(re.findall(r"config\.([a-z][a-z_0-9]*)", code))
        fields |= set(re.findall(r'getattr\([a-z_.]*config, "([a-z_]+)"', code))
        config["architectures"] = [name + "Model"]
        classes[name] = {"config": config, "fields": sorted(fields)}
    about = {"transformers": transformers.__version__, "classes": classes}
    OUT.write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")


main()
