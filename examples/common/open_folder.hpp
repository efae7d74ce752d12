// SPDX-License-Identifier: MIT
// open_folder: the three model types of the folders that one model may lie in.
#pragma once

#include "opened.hpp"

#include <lamina/arch/trainable.hpp>
#include <lamina/nn/gpt2_of.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <memory>

namespace any_model {

template <class Checkpoint, class Device>
[[nodiscard]] std::unique_ptr<Model> open_folder(const Found& found, const Opening& opening) {
    using Frozen = lamina::trainable::Nothing;
    using Pretrained = lamina::Gpt2Of<Checkpoint, Frozen, Device>;
    using Folded = lamina::Gpt2Of<Checkpoint, lamina::norm::Absent, lamina::head::UntiedWithBias, Frozen, Device>;
    using Scaled = lamina::Gpt2Of<Checkpoint, lamina::norm::FixedStd, Frozen, Device>;
    if (found.kind == Kind::folded) return opened<Folded>(found, opening);
    if (found.kind == Kind::pretrained) return opened<Pretrained>(found, opening);
    // A head's bias has no place in what is exported for transformers.
    if constexpr (lamina::io::ScalableGpt2<Scaled>) return opened<Scaled>(found, opening);
    throw lamina::FileError(found.weights.string(), "has norms of scaled gains, beside a head with a bias");
}

}  // namespace any_model
