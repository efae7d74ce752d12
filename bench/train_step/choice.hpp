// SPDX-License-Identifier: MIT
// Which of the model types that the program was built with a request is about.
#pragma once

#include "request.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/extent.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace train_step {

namespace detail {

/// Words that differ, in the order in which they come first.
[[nodiscard]] inline std::string distinct(const std::vector<std::string>& words) {
    std::vector<std::string> found;
    for (const std::string& word : words) {
        if (std::find(found.begin(), found.end(), word) == found.end()) found.push_back(word);
    }
    std::string text;
    for (std::size_t i = 0; i < found.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == found.size() ? " or " : ", ") + found[i];
    }
    return text;
}

/// What the other programs, and LAMINA_MODELS, call a size.
[[nodiscard]] inline std::string model_of(const std::string& size) {
    if (size == "nano") return size;
    return size == "small" ? "gpt2" : "gpt2-" + size;
}

/// The other way round.
[[nodiscard]] inline std::string size_of(const std::string& model) {
    if (model == "gpt2") return "small";
    return model.starts_with("gpt2-") ? model.substr(5) : model;
}

/// Entries that flags leave, one flag after the other.
class Narrowing {
public:
    Narrowing(const std::vector<Entry>& entries, common::Device device)
        : flags_(std::string("--device ") + common::name_of(device)) {
        std::copy_if(entries.begin(), entries.end(), std::back_inserter(left_),
                     [&](const Entry& entry) { return entry.device == device; });
    }

    /// Keeps those whose `member` is `value`.
    ///
    /// errors   ArgumentError where there are none, with the values that the flag may have
    void narrow(const std::string& flag, const std::string& value, std::string Entry::*member) {
        std::vector<Entry> fitting;
        std::vector<std::string> values;
        for (const Entry& entry : left_) {
            if (entry.*member == value) fitting.push_back(entry);
            values.push_back(entry.*member);
        }
        const std::string with = flag + " " + value;
        if (fitting.empty()) throw lamina::ArgumentError(with + ": expected " + distinct(values) + " with " + flags_);
        left_ = std::move(fitting);
        flags_ += " " + with;
    }

    [[nodiscard]] const std::vector<Entry>& left() const { return left_; }

private:
    std::vector<Entry> left_;
    std::string flags_;
};

}  // namespace detail

/// What of an entry's batch the request leaves open is the entry's own.
[[nodiscard]] inline lamina::Extent extent_of(const Entry& entry, const Request& request) {
    return {request.batch.value_or(entry.usual.batch), request.sequence.value_or(entry.usual.sequence)};
}

/// The first that fits what the flags say and the memory of the place; where none has room, the last.
///
/// errors   ArgumentError where there is none: it names the first flag that does not fit those before it, and what does
[[nodiscard]] inline Entry chosen(const std::vector<Entry>& entries, const Request& request) {
    const common::Device device = request.place.device;
    detail::Narrowing narrowing(entries, device);
    const bool built = std::any_of(narrowing.left().begin(), narrowing.left().end(),
                                   [&](const Entry& entry) { return entry.size == request.size; });
    // On cuda every size can be built, on the CPU one is there to be measured.
    if (device == common::Device::cuda && !built) {
        throw lamina::ArgumentError("--size " + request.size + ": " +
                                    common::not_built(device, detail::model_of(request.size)));
    }
    narrowing.narrow("--size", request.size, &Entry::size);
    narrowing.narrow("--execution", request.execution, &Entry::execution);
    if (request.recompute) narrowing.narrow("--recompute", *request.recompute, &Entry::recompute);
    const std::vector<Entry>& left = narrowing.left();
    for (std::size_t i = 0; i + 1 < left.size(); ++i) {
        if (left[i].fits(request, extent_of(left[i], request))) return left[i];
    }
    return left.back();
}

}  // namespace train_step
