#include "files/npy.h"

#include "files/zip.h"

namespace attn {
namespace {

const char* descr_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return "<f8";
    case DType::f32:
      return "<f4";
    case DType::f16:
      return "<f2";
    case DType::i64:
      return "<i8";
    case DType::i32:
      return "<i4";
    case DType::i16:
      return "<i2";
    case DType::i8:
      return "|i1";
    case DType::u64:
      return "<u8";
    case DType::u32:
      return "<u4";
    case DType::u16:
      return "<u2";
    case DType::u8:
      return "|u1";
    case DType::boolean:
      return "|b1";
    default:  // bf16, f8, blocks
      break;
  }
  assert(false);  // no NumPy equivalent
  return "";
}

// Magic, version, length of the header, then a Python dictionary; all of it a multiple of 64 bytes.
std::string header_of(const WrittenTensor& tensor) {
  std::string shape;
  for (const int64_t n : tensor.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(n);
  if (tensor.shape.size() == 1) shape += ",";  // a tuple of one
  std::string dictionary = std::string("{'descr': '") + descr_of(tensor.dtype) +
                           "', 'fortran_order': False, 'shape': (" + shape + "), }";
  dictionary.append(63 - (10 + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  const size_t n = dictionary.size();
  return std::string("\x93NUMPY\x01\x00", 8) + char(n & 255) + char(n >> 8) + dictionary;
}

}  // namespace

void write_npy(const WrittenTensor& tensor, ByteSink& sink) {
  sink.write(header_of(tensor));
  tensor.put(sink);
}

Status write_npz(std::span<const WrittenTensor> tensors,
                 std::span<const std::pair<std::string, std::string>> texts, ByteSink& sink) {
  ZipWriter zip(sink);
  for (const WrittenTensor& tensor : tensors)
    zip.add(tensor.name + ".npy", [&](ByteSink& entry) { write_npy(tensor, entry); });
  for (const auto& [name, text] : texts) zip.add(name, [&](ByteSink& entry) { entry.write(text); });
  return zip.finish();
}

}  // namespace attn
