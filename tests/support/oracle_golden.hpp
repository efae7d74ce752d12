// SPDX-License-Identifier: MIT
// Goldens of the oracle (tests/oracle/README.md): what lm-evaluation-harness says of every item.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lamina_tests {

inline std::filesystem::path oracle_file(std::string_view name) {
    return std::filesystem::path(LAMINA_TESTS_DIR) / "oracle" / name;
}

inline nlohmann::json oracle_json(std::string_view name) {
    std::ifstream file(oracle_file("golden") / name);
    if (!file) throw std::runtime_error("cannot read the golden " + std::string(name));
    return nlohmann::json::parse(file);
}

/// 64-bit FNV-1a, to be continued with more bytes.
class Fnv1a {
public:
    void add(std::string_view bytes) {
        for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    }
    /// A string and the zero byte that parts it from the next.
    void add_string(std::string_view text) {
        add(text);
        add(std::string_view("\0", 1));
    }
    template <class T>
    void add_values(std::span<const T> values) {
        add({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
    }
    [[nodiscard]] std::string hexadecimal() const {
        std::string text(16, '0');
        std::uint64_t rest = value_;
        for (std::size_t i = text.size(); i-- > 0; rest >>= 4U) text[i] = "0123456789abcdef"[rest & 15U];
        return text;
    }

private:
    std::uint64_t value_ = 0xcbf29ce484222325U;
};

/// One question as the harness asked and answered it. Members that a golden does not have are empty, or -1.
struct OracleItem {
    std::string hash;                 ///< Fnv1a of context and continuations, each as add_string
    std::vector<std::size_t> tokens;  ///< of the context, then of each continuation; before anything is cut off
    std::vector<double> scores;       ///< log-likelihood of each continuation, rounded to 1e-5
    int prediction = -1;
    int acc = -1;  ///< 1 where the prediction is right
    int prediction_norm = -1;
    int acc_norm = -1;
    std::vector<std::int32_t> context_ids;
    std::vector<std::vector<std::int32_t>> continuation_ids;
};

struct OracleGolden {
    std::map<std::string, std::map<std::string, double>> results;  ///< of tasks and groups: acc, acc_stderr, …
    std::map<std::string, std::vector<OracleItem>> items;          ///< by task, in the order of the file
};

namespace detail {

inline OracleItem oracle_item(const nlohmann::json& fields, const nlohmann::json& row) {
    OracleItem item;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto& field = fields[i].get_ref<const std::string&>();
        const nlohmann::json& value = row.at(i);
        if (field == "hash")
            value.get_to(item.hash);
        else if (field == "tokens")
            value.get_to(item.tokens);
        else if (field == "scores")
            value.get_to(item.scores);
        else if (field == "prediction")
            value.get_to(item.prediction);
        else if (field == "acc")
            value.get_to(item.acc);
        else if (field == "prediction_norm")
            value.get_to(item.prediction_norm);
        else if (field == "acc_norm")
            value.get_to(item.acc_norm);
        else if (field == "context_ids")
            value.get_to(item.context_ids);
        else if (field == "continuation_ids")
            value.get_to(item.continuation_ids);
        else
            throw std::runtime_error("a golden has the unknown field " + field);
    }
    return item;
}

}  // namespace detail

/// golden/NAME.
inline OracleGolden read_oracle_golden(std::string_view name) {
    const nlohmann::json json = oracle_json(name);
    OracleGolden golden;
    for (const auto& [task, metrics] : json.at("results").items()) {
        for (const auto& [metric, value] : metrics.items()) {
            // The harness has a word where a task of one item has no standard error.
            if (value.is_number()) golden.results[task][metric] = value.get<double>();
        }
    }
    for (const auto& [task, rows] : json.at("items").items()) {
        for (const auto& row : rows) golden.items[task].push_back(detail::oracle_item(json.at("fields"), row));
    }
    return golden;
}

}  // namespace lamina_tests
