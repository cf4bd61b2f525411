"""Writes encoder–decoders to tests/data/seq2seq and what transformers computes of them; and a round
of fuzz_families.py for them.

    python tests/golden/seq2seq.py [NAME…]  needs torch, transformers, tokenizers, safetensors,
                                             numpy

For each row of VARIANTS: a checkpoint with random weights, and NAME/expected.safetensors with the
attention of the encoder, of the decoder and of the decoder to the encoder, in float64 with
attn_implementation="eager", the logits of the last token, and the ids that generate() writes by
taking the likeliest token.
"""

import json
import pathlib
import shutil
import sys

import numpy as np
import torch
import transformers
from forward import make_wordpiece, randomize
from safetensors.numpy import save_file

MODELS = pathlib.Path(__file__).resolve().parent.parent / "data" / "seq2seq"
SOURCE, TARGET = "The cat sat on the mat.", "It was a dog, and it ran."
PARTS = ["encoder", "decoder", "cross"]
IDS = dict(pad_token_id=0, eos_token_id=3, decoder_start_token_id=0, bos_token_id=2)
T5 = dict(
    vocab_size=112,
    d_model=16,
    d_kv=6,
    d_ff=28,
    num_layers=2,
    num_decoder_layers=3,
    num_heads=3,
    relative_attention_num_buckets=8,
    relative_attention_max_distance=12,
    **IDS,
)
BART = dict(
    vocab_size=112,
    d_model=16,
    encoder_layers=2,
    encoder_ffn_dim=28,
    encoder_attention_heads=2,
    decoder_layers=3,
    decoder_ffn_dim=20,
    decoder_attention_heads=4,
    max_position_embeddings=40,
    **IDS,
)
# name: class, settings, fields of config.json that the class does not write
VARIANTS = {
    "t5": ("T5", T5, {}),
    "t5-gated": (
        "T5",
        dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
        dict(tie_word_embeddings=False, scale_decoder_outputs=None),
    ),
    "mt5": ("MT5", dict(T5, feed_forward_proj="gated-gelu"), {}),
    "umt5": ("UMT5", T5, {}),
    "bart": ("Bart", dict(BART, scale_embedding=True, forced_bos_token_id=2), {}),
    "mbart": ("MBart", dict(BART, activation_function="relu"), {}),
    "marian": (
        "Marian",
        dict(BART, activation_function="swish", scale_embedding=True),
        dict(bad_words_ids=[[27], [0]]),
    ),
    "pegasus": ("Pegasus", BART, {}),
    "m2m100": ("M2M100", BART, {}),
}


def make(name, settings, seed, folder):
    config = getattr(transformers, name + "Config")(**settings)
    model = getattr(transformers, name + "ForConditionalGeneration", None)
    model = (model or transformers.MarianMTModel)(config)
    fill(model, seed)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def fill(model, seed):
    model.tie_weights()
    randomize(model, seed)
    model.get_input_embeddings().weight.data *= 0.3  # so that it writes more than one word
    model.tie_weights()
    if hasattr(model, "final_logits_bias"):
        generator = torch.Generator().manual_seed(seed + 1)
        model.final_logits_bias[:] = torch.randn(
            model.final_logits_bias.shape, generator=generator
        )


def opened(folder, dtype, kind=transformers.AutoModelForSeq2SeqLM):
    model, info = kind.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", output_loading_info=True
    )
    missing = [n for n in info["missing_keys"] if "final_logits_bias" not in n]
    if missing or info["mismatched_keys"]:
        raise ValueError(f"not in the files: {missing}")
    return model.eval()


def computed(model, source, target):
    """The three patterns, each [layer, head, query, key], and the logits [n, d_vocab]."""
    with torch.no_grad():
        out = model(
            input_ids=torch.tensor(source[None].astype(np.int64)),
            decoder_input_ids=torch.tensor(target[None].astype(np.int64)),
            output_attentions=True,
            use_cache=False,
        )
    found = [out.encoder_attentions, out.decoder_attentions, out.cross_attentions]
    return [torch.cat(a).double().numpy() for a in found], out.logits[0].double().numpy()


def check_written(model, source, written, first):
    """Whether each token is the likeliest after those before it, or as good as that."""
    config = model.config
    assert written[0] == config.decoder_start_token_id, written
    logits = computed(model, source, written)[1]
    for i, (row, chosen) in enumerate(zip(logits, [*written[1:], None])):
        if i == 0 and first is not None:
            assert chosen == first, (written, first)
        elif chosen is None:
            end = -np.inf if config.eos_token_id is None else row[config.eos_token_id]
            at_end = end > row.max() - 1e-3 * (1 + np.abs(row).max())
            assert at_end or len(written) >= 65, (written, row.argmax())
        else:
            assert row[chosen] > row.max() - 1e-3 * (1 + np.abs(row).max()), (written, i)


def target_ids(tokenizer, text, config):
    """What the decoder reads of a typed text."""
    names_language = config.model_type in ("mbart", "m2m_100")
    ids = tokenizer.encode(text, add_special_tokens=not names_language).ids
    if ids and ids[-1] == config.eos_token_id:
        ids = ids[:-1]
    return np.array([config.decoder_start_token_id] + ids)


def write(name):
    import tokenizers

    kind, settings, fields = VARIANTS[name]
    folder = MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(kind, settings, sum(name.encode()), folder)
    path = folder / "config.json"
    config = json.loads(path.read_text()) | fields
    config = {key: x for key, x in config.items() if x is not None}
    path.write_text(json.dumps(config, indent=2) + "\n")
    make_wordpiece(folder / "tokenizer.json")
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = opened(folder, torch.float64)
    source = np.array(tokenizer.encode(SOURCE).ids)
    target = target_ids(tokenizer, TARGET, model.config)
    patterns, logits = computed(model, source, target)
    with torch.no_grad():
        written = model.generate(
            torch.tensor(source[None]),
            max_new_tokens=12,
            do_sample=False,
            num_beams=1,
            use_cache=False,
            forced_eos_token_id=None,
            bad_words_ids=fields.get("bad_words_ids"),
        )
    out = {part: x.astype(np.float32) for part, x in zip(PARTS, patterns)}
    out |= {"logits": logits[-1].astype(np.float32), "source": source.astype(np.int32)}
    out |= {"target": target.astype(np.int32), "written": written[0].numpy().astype(np.int32)}
    save_file(
        {key: np.ascontiguousarray(x) for key, x in out.items()},
        folder / "expected.safetensors",
        metadata=dict(source=SOURCE, target=TARGET),
    )
    print(name, [x.shape for x in patterns], written.tolist())


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or VARIANTS:
        write(name)


if __name__ == "__main__":
    main()
