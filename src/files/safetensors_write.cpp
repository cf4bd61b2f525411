#include "files/safetensors_write.h"

#include "base/json_writer.h"

namespace attn {
namespace {

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return "F64";
    case DType::f32:
      return "F32";
    case DType::f16:
      return "F16";
    case DType::bf16:
      return "BF16";
    case DType::i64:
      return "I64";
    case DType::i32:
      return "I32";
    case DType::i16:
      return "I16";
    case DType::i8:
      return "I8";
    case DType::u64:
      return "U64";
    case DType::u32:
      return "U32";
    case DType::u16:
      return "U16";
    case DType::u8:
      return "U8";
    case DType::boolean:
      return "BOOL";
    case DType::f8:
      return "F8_E4M3";
    default:  // blocks
      break;
  }
  return "";
}

}  // namespace

void write_safetensors(std::span<const WrittenTensor> tensors,
                       std::span<const std::pair<std::string, std::string>> metadata,
                       ByteSink& sink) {
  JsonWriter json;
  json.object(JsonLayout::tight).key("__metadata__").object(JsonLayout::tight);
  for (const auto& [name, text] : metadata) json.text(name, text);
  json.end();
  uint64_t at = 0;
  for (const WrittenTensor& tensor : tensors) {
    json.key(tensor.name).object(JsonLayout::tight).text("dtype", name_of(tensor.dtype));
    json.key("shape").array(JsonLayout::tight);
    for (const int64_t n : tensor.shape) json.integer(n);
    json.end().key("data_offsets").array(JsonLayout::tight).integer(int64_t(at));
    at += tensor.n_bytes();
    json.integer(int64_t(at)).end().end();
  }
  std::string header = json.end().take();
  header.append((8 - header.size() % 8) % 8, ' ');  // tensors begin at a multiple of 8
  std::string length;
  for (int i = 0; i < 8; ++i) length += char(uint64_t(header.size()) >> (8 * i) & 255);
  sink.write(length + header);
  for (const WrittenTensor& tensor : tensors) tensor.put(sink);
}

}  // namespace attn
