// SPDX-License-Identifier: MIT
// The model and the goldens that the evaluations are held against: unpacked here as in Python, and free of contradictions.
#include "support/oracle_model.hpp"

#include <lamina/io/safetensors.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"
#include "support/oracle_golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

namespace {

std::size_t first_of_largest(const std::vector<double>& values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

double mean(const std::vector<int>& values) {
    return static_cast<double>(std::accumulate(values.begin(), values.end(), 0)) / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("the oracle's model unpacks to the same bits as in Python") {
    const ScratchFolder scratch;
    unpack_oracle_model(oracle_file("packed.safetensors"), scratch.path());
    const io::SafetensorsFile file(scratch / "model.safetensors");
    std::map<std::string, std::vector<float>> tensors;
    for (const io::StoredTensor& stored : file.tensors()) {
        std::vector<float>& values = tensors[stored.name];
        values.resize(stored.size());
        file.read_into(stored.name, std::span(values));
    }
    Fnv1a hash;
    for (const auto& [name, values] : tensors) hash.add_values(std::span<const float>(values));
    const nlohmann::json facts = oracle_json("model.json");
    CHECK(tensors.size() == facts.at("tensors").get<std::size_t>());
    CHECK(hash.hexadecimal() == facts.at("weights").get<std::string>());
}

TEST_CASE("the oracle's goldens hold enough items, and predictions and accuracies that follow from their scores") {
    const std::map<std::string, std::size_t> least{{"hellaswag.json", 300},     {"mmlu.json", 570},
                                                   {"mmlu_5shot.json", 114},    {"synthetic_hellaswag.json", 10},
                                                   {"synthetic_mmlu.json", 11}, {"synthetic_mmlu_2shot.json", 11}};
    for (const auto& [name, expected] : least) {
        INFO(name);
        const OracleGolden golden = read_oracle_golden(name);
        std::size_t count = 0;
        std::set<int> predictions;
        for (const auto& [task, items] : golden.items) {
            std::vector<int> right;
            for (const OracleItem& item : items) {
                REQUIRE(item.tokens.size() == item.scores.size() + 1);
                CHECK(static_cast<std::size_t>(item.prediction) == first_of_largest(item.scores));
                right.push_back(item.acc);
                predictions.insert(item.prediction);
            }
            CHECK(std::abs(mean(right) - golden.results.at(task).at("acc")) < 1e-12);
            count += items.size();
        }
        CHECK(count >= expected);
        CHECK(predictions.size() > 1);
    }
}
