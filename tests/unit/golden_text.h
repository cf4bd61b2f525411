// golden_text.h - reads the cases that tests/golden/scratch.py writes.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace attn {

struct GoldenTensor {
  std::vector<int> shape;
  std::vector<float> values;
};

struct GoldenCase {
  std::string name;
  std::map<std::string, std::string> settings;
  std::map<std::string, GoldenTensor> tensors;

  bool has(const std::string& key) const { return tensors.contains(key); }
  const std::vector<float>& values(const std::string& key) const { return tensors.at(key).values; }
  long long number(const std::string& key) const { return std::stoll(settings.at(key)); }
};

inline std::vector<GoldenCase> read_golden(const std::string& path) {
  std::vector<GoldenCase> cases;
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string word, name;
    words >> word >> name;
    if (word == "case") {
      cases.push_back({line.substr(5), {}, {}});
    } else if (word == "set") {
      words >> cases.back().settings[name];
    } else if (word == "tensor") {
      GoldenTensor& tensor = cases.back().tensors[name];
      for (int size; words >> size;) tensor.shape.push_back(size);
      std::getline(in, line);
      std::istringstream digits(line);
      for (std::string bits; digits >> bits;) {
        const uint32_t u = uint32_t(std::stoul(bits, nullptr, 16));
        float x;
        std::memcpy(&x, &u, sizeof x);
        tensor.values.push_back(x);
      }
    }
  }
  return cases;
}

}  // namespace attn
