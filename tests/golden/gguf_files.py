"""Goldens of GGUF files, written with the Python package gguf.

    python tests/golden/gguf_files.py        writes tests/data/gguf/

blocks.gguf has a tensor of random blocks of every quantized type, blocks.safetensors what
gguf.quants.dequantize makes of them. llama.gguf, qwen2.gguf and gpt2.gguf are models of
tests/data/models in F32, converted as convert_hf_to_gguf.py of llama.cpp does: its names, rows of
Llama's q and k in the order of pairs, GPT-2's matrices transposed. pieces.gguf has the model of
SentencePiece tests/data/tokenizer_files/llama.model and no tensors, pieces.json the ids that
sentencepiece gives: of the text between tokens that are found whole, as llama.cpp cuts it.
words.json has the ids of the library tokenizers with GPT-2's small vocabulary and the words of
other models.
"""

import json
import pathlib

import gguf
import numpy
import sentencepiece
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, TokenType
from safetensors.numpy import load_file, save_file
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
OUT = DATA / "gguf"

TEXTS = [
    "",
    "  two  blanks   around  ",
    "don't DON'T ``I'LL'' tabs\tand\nlines\r\n\r\nend\n",
    "深度学习 is 注意力。한국어",
    "e\u0301 ñ Å \ufb01 ① Ａ 👩\u200d👧 \u00a0nbsp\u3000x",
    "3.14159 2017-06-12 <0x41> ▁▁dog",
    "a<s>b</s> <s> <|endoftext|>y<|x|>  <|X|> a.b z",
    "The quick brown fox (and the dog) said: \"hello!!!\"\n\n\n  12345678",
]

# Where the scales and minima of a block are, which random bytes would make NaN.
HALVES = {
    Type.Q4_0: (0,),
    Type.Q4_1: (0, 2),
    Type.Q5_0: (0,),
    Type.Q5_1: (0, 2),
    Type.Q8_0: (0,),
    Type.Q2_K: (80, 82),
    Type.Q3_K: (108,),
    Type.Q4_K: (0, 2),
    Type.Q5_K: (0, 2),
    Type.Q6_K: (208,),
    Type.IQ4_NL: (0,),
}


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def blocks():
    random = numpy.random.default_rng(11)
    writer = GGUFWriter(OUT / "blocks.gguf", "none")
    expected = {}
    for kind, halves in HALVES.items():
        n, size = gguf.GGML_QUANT_SIZES[kind]
        raw = random.integers(0, 256, (2 * 256 // n, size), dtype=numpy.uint8)
        for at in halves:
            scales = (random.standard_normal(len(raw)) * 0.01).astype(numpy.float16)
            raw[:, at : at + 2] = scales.view(numpy.uint8).reshape(-1, 2)
        raw = raw.reshape(2, -1)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        expected[kind.name] = gguf.quants.dequantize(raw, kind)
    plain = random.standard_normal((2, 32)).astype(numpy.float32)
    for kind in (Type.F32, Type.F16, Type.BF16):
        raw = gguf.quants.quantize(plain, kind)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        expected[kind.name] = gguf.quants.dequantize(raw, kind).astype(numpy.float32)
    finish(writer)
    save_file(expected, OUT / "blocks.safetensors")


def permuted(weights, n_heads):
    """LlamaModel.permute of convert_hf_to_gguf.py."""
    shape = (n_heads, 2, weights.shape[0] // n_heads // 2, *weights.shape[1:])
    return weights.reshape(shape).swapaxes(1, 2).reshape(weights.shape)


LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
OUTSIDE = {
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "lm_head": "output",
    "wte": "token_embd",
    "wpe": "position_embd",
    "ln_f": "output_norm",
}


def gguf_name(name):
    for prefix in ("model.", "transformer."):
        name = name.removeprefix(prefix)
    stem, end = name.rsplit(".", 1)
    parts = stem.split(".", 2)
    if parts[0] in ("layers", "h"):
        return f"blk.{parts[1]}.{LAYER[parts[2]]}.{end}"
    return f"{OUTSIDE[stem]}.{end}"


def add_words(writer, folder):
    made = json.loads((folder / "tokenizer.json").read_text())
    ids = made["model"]["vocab"]
    special = {token["content"] for token in made["added_tokens"]}
    tokens = sorted(ids, key=ids.get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens]
    )
    writer.add_token_merges([" ".join(pair) for pair in made["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)


def model(name, folder):
    config = json.loads((DATA / "models" / folder / "config.json").read_text())
    weights = load_file(DATA / "models" / folder / "model.safetensors")
    writer = GGUFWriter(OUT / f"{name}.gguf", name)
    writer.add_name(folder)
    get = config.get
    n_heads = get("num_attention_heads") or get("n_head")
    width = get("hidden_size") or get("n_embd")
    writer.add_block_count(get("num_hidden_layers") or get("n_layer"))
    writer.add_context_length(get("max_position_embeddings") or get("n_positions"))
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(get("intermediate_size") or get("n_inner") or 4 * width)
    writer.add_head_count(n_heads)
    if name == "gpt2":
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        rope = get("rope_parameters") or config
        writer.add_rope_freq_base(rope["rope_theta"])
    if name == "llama":
        writer.add_rope_dimension_count(get("head_dim"))
        writer.add_key_length(get("head_dim"))
        writer.add_value_length(get("head_dim"))
        writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(0)
    add_words(writer, DATA / "models" / folder)
    for tensor, value in weights.items():
        if tensor.endswith((".attn.bias", ".attn.masked_bias")):
            continue
        if name == "llama" and "q_proj" in tensor:
            value = permuted(value, n_heads)
        if name == "llama" and "k_proj" in tensor:
            value = permuted(value, config["num_key_value_heads"])
        if name == "gpt2" and tensor.endswith(("attn.weight", "proj.weight", "fc.weight")):
            value = numpy.ascontiguousarray(value.T)
        writer.add_tensor(gguf_name(tensor), numpy.ascontiguousarray(value))
    finish(writer)


def pieces():
    made = sentencepiece.SentencePieceProcessor(
        model_file=str(DATA / "tokenizer_files" / "llama.model")
    )
    n = made.vocab_size()
    texts = [made.id_to_piece(i) for i in range(n)]
    whole = ("<|x|>", "a.b")

    def kind(i):
        if made.is_unknown(i):
            return TokenType.UNKNOWN
        if made.is_control(i):
            return TokenType.CONTROL
        if made.is_byte(i):
            return TokenType.BYTE
        return TokenType.USER_DEFINED if texts[i] in whole else TokenType.NORMAL

    writer = GGUFWriter(OUT / "pieces.gguf", "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(texts)
    writer.add_token_scores([made.get_score(i) for i in range(n)])
    writer.add_token_types([kind(i) for i in range(n)])
    writer.add_bos_token_id(made.bos_id())
    writer.add_eos_token_id(made.eos_id())
    writer.add_unk_token_id(made.unk_id())
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    finish(writer)

    found = [t for i, t in enumerate(texts) if kind(i) in (2, 3, 4)]  # types of TokenType

    def ids(text):
        out, rest = [made.bos_id()], ""
        while text:
            token = next((t for t in sorted(found, key=len)[::-1] if text.startswith(t)), None)
            if token is None:
                rest, text = rest + text[0], text[1:]
                continue
            out += made.encode(rest) + [texts.index(token)]
            rest, text = "", text[len(token) :]
        return out + made.encode(rest)

    dump("pieces.json", [{"text": text, "ids": ids(text)} for text in TEXTS])


# As the tokenizer.json of each model has them.
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"


def words():
    def split(pattern):
        return pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )

    digits = pre_tokenizers.Digits(individual_digits=True)
    kinds = {
        "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
        "qwen2": split(CONTRACTIONS + "\\p{N}" + REST),
        "llama-bpe": split(CONTRACTIONS + "\\p{N}{1,3}" + REST),
        "smollm": pre_tokenizers.Sequence(
            [digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
    }
    out = {}
    for name, cut in kinds.items():
        made = Tokenizer.from_file(str(DATA / "models" / "gpt2" / "tokenizer.json"))
        made.pre_tokenizer = cut
        if name == "qwen2":
            made.normalizer = normalizers.NFC()
        out[name] = [{"text": text, "ids": made.encode(text).ids} for text in TEXTS]
    dump("words.json", out)


def dump(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (OUT / name).write_text(text + "\n")


def main():
    OUT.mkdir(exist_ok=True)
    blocks()
    model("llama", "llama-gqa")
    model("qwen2", "qwen2")
    model("gpt2", "gpt2")
    pieces()
    words()


if __name__ == "__main__":
    main()
