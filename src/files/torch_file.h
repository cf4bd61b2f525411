// torch_file.h - checkpoints of PyTorch: what torch.save writes, without running any of it.
#pragma once

#include "files/named_tensors.h"

namespace attn {

// Zip archives (PyTorch 1.6 and later) and the format before them: the tensors of a state_dict, at
// the top or under a usual name ("state_dict", "model" …). Tensors are slices of the file, except
// where one is not contiguous: then all are copied. Tensors that share memory overlap. Where a
// checkpoint has them, "model_args" and "config" become the metadata.
// https://pytorch.org/docs/stable/notes/serialization.html
Result<NamedTensors> read_torch(const File& file);

// By the first bytes: a zip archive with a pickle first, or a pickle.
bool is_torch(std::span<const uint8_t> bytes);

// A file of a training run beside its weights, by name: "optimizer.pt", "training_args.bin", or
// nanoGPT's "meta.pkl".
bool is_training_state(std::string_view path);

}  // namespace attn
