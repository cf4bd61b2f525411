// simd_table.h - the table of one instruction set; included once by each file compiled for one.
#pragma once

#include "tensor/simd.h"
#include "tensor/simd_attention.h"
#include "tensor/simd_elementwise.h"
#include "tensor/simd_product.h"

namespace attn {
namespace {

constexpr Simd simd_table(const char* name) {
  return {name, product_loops(), element_loops(), attention_loops()};
}

}  // namespace
}  // namespace attn
