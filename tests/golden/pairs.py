"""Writes tests/data/pairs.safetensors: pairs of texts, as transformers reads them.

    python tests/golden/pairs.py        needs torch, transformers, tokenizers, safetensors

For each model of tests/data/models named below: its tokenizer's ids and token types of FIRST and
SECOND, and the attention of all layers that the model computes from them in float64 with
attn_implementation="eager". Also the ids and types that `tokenizers` gives with other
post-processors.
"""

import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
FIRST, SECOND = "The cat sat on the mat.", "It was a dog, and it ran."
MODELS = ["bert", "albert", "electra-generator", "roberta", "distilbert", "modernbert"]
POST_PROCESSORS = {
    "bert": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
    "roberta": {
        "type": "RobertaProcessing",
        "cls": ["[CLS]", 2],
        "sep": ["[SEP]", 3],
        "trim_offsets": True,
        "add_prefix_space": False,
    },
    "turned": {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [
            {"Sequence": {"id": "B", "type_id": 2}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 3}},
            {"Sequence": {"id": "A", "type_id": 1}},
        ],
        "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}},
    },
}


def main():
    out, metadata = {}, {"first": FIRST, "second": SECOND}
    for name in MODELS:
        folder = DATA / "models" / name
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        encoding = tokenizer.encode(FIRST, SECOND)
        config = AutoConfig.from_pretrained(folder)
        model = AutoModel.from_pretrained(
            folder, config=config, attn_implementation="eager", dtype=torch.float64
        ).eval()
        given = {"input_ids": torch.tensor([encoding.ids])}
        if getattr(config, "type_vocab_size", 0) > 1:
            given["token_type_ids"] = torch.tensor([encoding.type_ids])
        with torch.no_grad():
            found = model(**given, output_attentions=True).attentions
        out[f"{name}.ids"] = np.array(encoding.ids, dtype=np.int32)
        out[f"{name}.types"] = np.array(encoding.type_ids, dtype=np.int32)
        out[f"{name}.attention"] = torch.cat(found).numpy().astype(np.float32)
    plain = json.loads((DATA / "models" / "bert" / "tokenizer.json").read_text())
    for name, processor in POST_PROCESSORS.items():
        plain["post_processor"] = processor
        metadata[f"tokenizer.{name}"] = json.dumps(plain, separators=(",", ":"))
        encoding = Tokenizer.from_str(metadata[f"tokenizer.{name}"]).encode(FIRST, SECOND)
        out[f"post.{name}.ids"] = np.array(encoding.ids, dtype=np.int32)
        out[f"post.{name}.types"] = np.array(encoding.type_ids, dtype=np.int32)
    save_file(out, DATA / "pairs.safetensors", metadata=metadata)
    for name, value in out.items():
        print(name, value.shape, value.tolist() if value.ndim == 1 else "")


if __name__ == "__main__":
    main()
