// SPDX-License-Identifier: MIT
// Gpt2Tensors: which tensor of a folder belongs to which of a model's, and what becomes of the others.
#pragma once

#include <lamina/io/detail/gpt2_names.hpp>
#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/io/safetensors_folder.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/message_text.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::io::detail {

/// What a folder's tensors are compared with.
struct Gpt2Wanted {
    std::span<const TensorEntry> entries;
    HeadWeight head = HeadWeight::tied;
    std::filesystem::path config{};  ///< the file that says so, for messages; empty for none
};

/// Which stored tensor belongs to which of a model's, every name and shape checked.
class Gpt2Tensors {
public:
    /// errors  FileError that names a tensor that is missing, unexpected, of a wrong shape or type, there twice, or
    ///         under another prefix than the rest
    Gpt2Tensors(const SafetensorsFolder& folder, const Gpt2Wanted& wanted, const LoadOptions& options)
        : folder_(folder), wanted_(wanted) {
        for (const TensorEntry& entry : wanted_.entries) {
            if (entry.role != Role::adapter) names_.insert(entry.name());
        }
        const std::vector<std::string> others = collect(options.others);
        check_prefixes();
        use_head_for_embedding();
        for (const TensorEntry& entry : wanted_.entries) {
            if (entry.role != Role::adapter) check(entry);
        }
        if (is_tied() && has(head_weight_name)) check_redundant_head();
        if (!others.empty() && options.warn) options.warn(others_text(others));
    }

    /// The name in the file.
    [[nodiscard]] const std::string& stored_name(std::string_view name) const {
        return stored_names_.find(name)->second;
    }

    [[nodiscard]] const SafetensorsFile& file_of(std::string_view name) const {
        return *folder_.find_file(stored_name(name));
    }

private:
    [[nodiscard]] bool is_tied() const { return wanted_.head == HeadWeight::tied; }
    [[nodiscard]] bool has(std::string_view name) const { return stored_names_.contains(name); }

    [[noreturn]] void fail(const std::string& stored, const std::string& problem) const {
        fail_tensor(*folder_.find_file(stored), stored, problem);
    }

    /// Where the model's numbers come from, at the end of a message.
    [[nodiscard]] std::string by_config() const {
        return wanted_.config.empty() ? "" : ", by " + wanted_.config.string();
    }

    /// Finds the model's tensors, and returns the names of what is passed over.
    [[nodiscard]] std::vector<std::string> collect(OtherTensors treatment) {
        std::vector<std::string> others;
        for (const std::string& stored : folder_.names()) {
            const SplitName name = split_name(stored);
            if (is_mask_buffer(name.bare)) continue;
            const bool is_spare_head = is_tied() && name.bare == head_weight_name;
            if (!names_.contains(name.bare) && !is_spare_head) {
                if (treatment == OtherTensors::refuse || is_on_way_to_logits(name)) {
                    fail(stored, "is none of the model's" + by_config());
                }
                others.push_back(stored);
                continue;
            }
            const auto [place, is_first] = stored_names_.emplace(name.bare, stored);
            if (!is_first) {
                fail(stored, "and tensor " + in_quotes(place->second) + " are the same one, expected one of them");
            }
        }
        return others;
    }

    [[nodiscard]] std::string others_text(const std::vector<std::string>& others) const {
        constexpr std::size_t shown = 8;
        std::string text = place().string() + ": tensors of other heads are ignored: ";
        for (std::size_t i = 0; i < std::min(shown, others.size()); ++i)
            text += (i == 0 ? "" : ", ") + in_quotes(others[i]);
        if (others.size() > shown) text += " and " + std::to_string(others.size() - shown) + " more";
        return text;
    }

    /// All names were saved together, so one prefix precedes all but the head's, which has the whole of it or a start.
    void check_prefixes() {
        std::string_view first;
        for (const auto& [bare, stored] : stored_names_) {
            if (bare.starts_with("lm_head.")) continue;
            const std::string_view prefix = split_name(stored).prefix;
            if (first.empty()) {
                first = stored;
                prefix_ = prefix;
            }
            if (prefix != prefix_) {
                fail(stored, "does not begin as " + in_quotes(first) + " does, expected the same before every name");
            }
        }
        for (const auto& [bare, stored] : stored_names_) {
            const std::string_view prefix = split_name(stored).prefix;
            if (first.empty() || !bare.starts_with("lm_head.") || prefix_.starts_with(prefix)) continue;
            fail(stored, "does not begin as " + in_quotes(first) + " does, expected the same before every name");
        }
    }

    /// ", but …": a tensor that has the name behind a prefix that is not known.
    [[nodiscard]] std::string like(const std::string& name) const {
        for (const std::string& stored : folder_.names()) {
            if (stored.ends_with("." + name))
                return ", but " + in_quotes(stored) + "; take off what is before its name";
        }
        return "";
    }

    /// A tied model needs its one matrix under either name; transformers takes both.
    void use_head_for_embedding() {
        if (!is_tied() || has(token_table_name) || !has(head_weight_name)) return;
        auto head = stored_names_.extract(stored_names_.find(head_weight_name));
        head.key() = token_table_name;
        stored_names_.insert(std::move(head));
    }

    void check(const TensorEntry& entry) const {
        const auto found = stored_names_.find(entry.name());
        if (found == stored_names_.end()) {
            const std::string name = (entry.role == Role::head ? "" : prefix_) + entry.name();
            throw FileError(place().string(), "has no tensor " + in_quotes(name) + like(entry.name()) + by_config());
        }
        const std::string& stored = found->second;
        const std::vector<std::size_t>& shape = folder_.tensor(stored).shape;
        const auto expected = entry.dimensions();
        if (!std::equal(shape.begin(), shape.end(), expected.begin(), expected.end())) {
            fail(stored, "has shape " + shape_text(shape) + ", expected " + shape_text(expected) + by_config());
        }
        check_tensor(*folder_.find_file(stored), stored, entry);
    }

    // A file whose head is not its embedding was not made by a model whose head is.
    void check_redundant_head() const {
        const StoredTensor& head = folder_.tensor(stored_name(head_weight_name));
        const StoredTensor& embedding = folder_.tensor(stored_name(token_table_name));
        if (file_of(head_weight_name).has_same(head, file_of(token_table_name), embedding)) return;
        fail(head.name, "differs from " + in_quotes(embedding.name) +
                            ", expected the same values, as the model's head is tied; a head of its own needs "
                            "\"tie_word_embeddings\": false in config.json and a model type with it");
    }

    [[nodiscard]] const std::filesystem::path& place() const {
        return folder_.files().size() == 1 ? folder_.files().front().path() : folder_.path();
    }

    const SafetensorsFolder& folder_;
    Gpt2Wanted wanted_;
    std::set<std::string, std::less<>> names_{};
    std::map<std::string, std::string, std::less<>> stored_names_{};
    std::string prefix_{};  ///< before every name but the head's
};

}  // namespace lamina::io::detail
