// SPDX-License-Identifier: MIT
// Opened: a model of some type behind any_model::Model, loaded from what was found.
#pragma once

#include "any_model.hpp"
#include "notes.hpp"
#include "run_weights.hpp"
#include "warnings.hpp"

#include <lamina/io/huggingface.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/io/scaled_gpt2.hpp>
#include <lamina/nn/generate.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/score.hpp>
#include <lamina/removal/remaining_norms.hpp>
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
        } else if constexpr (std::same_as<Norm, lamina::norm::Removable>) {
            load_run(model_, found.weights, found.run, options);
            if (found.force_removed) lamina::fix_remaining_norms(model_);
        } else {
            lamina::io::load_gpt2(model_, found.weights, options);
        }
        model_.set_end_of_text(opening.end_of_text);
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

template <class M>
[[nodiscard]] std::unique_ptr<Model> opened(const Found& found, const Opening& opening) {
    return std::make_unique<Opened<M>>(found, opening);
}

}  // namespace any_model
