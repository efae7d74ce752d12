// SPDX-License-Identifier: MIT
// The four model types of one size, each behind any_model::Model.
#pragma once

#include "any_model.hpp"
#include "notes.hpp"
#include "warnings.hpp"

#include <lamina/arch/architecture.hpp>
#include <lamina/io/adapter_file.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/io/scaled_gpt2.hpp>
#include <lamina/nn/generate.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/score.hpp>
#include <lamina/removal/norm_states.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace any_model {

/// The backend of `M` is included by whoever instantiates this.
template <class M>
class Opened final : public Model {
    static_assert(std::same_as<typename M::Compute, float>);

public:
    Opened(const Found& found, const Opening& opening)
        : backend_(make_backend(typename M::Policies::Device{}, found.place, common::Shapes::many)),
          model_(backend_),
          cache_(backend_, opening.cache_rows) {
        using Norm = typename M::Policies::Norm;
        const lamina::io::LoadOptions options = common::load_options(opening.program, found.strict);
        if constexpr (std::same_as<Norm, lamina::norm::FixedStd>) {
            lamina::io::load_scaled_gpt2(model_, found.weights, options);
        } else {
            lamina::io::load_gpt2(model_, found.weights, options);
        }
        // In all sizes the last token is the end of text.
        model_.set_end_of_text(static_cast<lamina::Token>(found.architecture.vocab - 1));
        if constexpr (std::same_as<Norm, lamina::norm::Removable>) {
            lamina::io::load_adapter(model_, found.run / "adapter.safetensors");
            lamina::load_norm_states(model_, found.run / "norms.json");
        }
    }

    [[nodiscard]] std::size_t cache_rows() const override { return cache_.rows(); }

    void score(std::span<const lamina::Segment> segments, std::span<const lamina::WantedToken> wanted,
               std::span<double> log_probabilities) override {
        lamina::score(model_, cache_, segments, wanted, log_probabilities);
    }
    void generate(std::span<const lamina::Token> prompt, const lamina::GenerateOptions& options,
                  const std::function<void(lamina::Token)>& written) override {
        lamina::generate(model_, cache_, prompt, options, written);
    }
    [[nodiscard]] std::vector<std::string> take_notes() override { return common::notes_of(backend_); }

private:
    typename M::Backend backend_;
    M model_;
    lamina::KeyValueCache<M> cache_;
};

/// `RunPrecision` is what remove_layernorm trains this size in on the CPU.
template <lamina::Architecture A, class RunPrecision, class Device>
[[nodiscard]] std::unique_ptr<Model> open_size(const Found& found, const Opening& opening) {
    using Frozen = lamina::trainable::Nothing;
    using Pretrained = lamina::Gpt2<A, Frozen, Device>;
    using Run = lamina::Gpt2<A, lamina::norm::Removable, lamina::adapter::FullRank, RunPrecision, Frozen, Device>;
    using Folded = lamina::Gpt2<A, lamina::norm::Absent, lamina::head::UntiedWithBias, Frozen, Device>;
    using Scaled = lamina::Gpt2<A, lamina::norm::FixedStd, Frozen, Device>;
    switch (found.kind) {
        case Kind::pretrained:
            return std::make_unique<Opened<Pretrained>>(found, opening);
        case Kind::run:
            return std::make_unique<Opened<Run>>(found, opening);
        case Kind::scaled:
            return std::make_unique<Opened<Scaled>>(found, opening);
        case Kind::folded:
            break;
    }
    return std::make_unique<Opened<Folded>>(found, opening);
}

}  // namespace any_model
