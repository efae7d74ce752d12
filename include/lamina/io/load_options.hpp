// SPDX-License-Identifier: MIT
// LoadOptions: what loaders of models do about values and tensors that a model has no use for, and where they say so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace lamina::io {

/// What a loader does about a NaN or an infinity among the values.
enum class NonFinite : std::uint8_t { refuse, allow };

/// What a loader does about tensors of heads that a language model does not have, such as "score.weight". Tensors that
/// would change the logits, and that the model's type has not, are refused in any case.
enum class OtherTensors : std::uint8_t {
    ignore,  ///< with a warning that names them
    refuse
};

struct LoadOptions {
    NonFinite non_finite = NonFinite::refuse;
    OtherTensors others = OtherTensors::ignore;
    /// Called with each warning, one line without its end; empty for a caller who wants none.
    std::function<void(const std::string&)> warn{};
};

}  // namespace lamina::io
