// SPDX-License-Identifier: MIT
// The guard: finds the tensor in which a training run stopped being finite, and keeps a state to go back to.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/layer_state.hpp>
#include <lamina/train/adamw.hpp>

namespace lamina::train {

/// What a trainer does in the step in which a loss, a gradient or a parameter is not finite.
enum class NonFinite : std::uint8_t {
    stop,       ///< throw NonFiniteError, parameters untouched by the step where that is still possible
    skip,       ///< leave the parameters as they were before the step, go on with the next batch
    roll_back,  ///< return to the last snapshot, go on with the next batch
};

/// The first tensor whose gradient is not finite, by its name; nothing if all are.
template <LanguageModel M>
[[nodiscard]] std::optional<std::string> first_non_finite_gradient(M& model) {
    model.complete_gradients();
    std::optional<std::string> found;
    model.for_each_trained_tensor([&](const auto& tensor) {
        if (!found && !std::isfinite(model.backend().run(SumOfSquares(tensor.gradient)))) found = tensor.entry.name();
    });
    return found;
}

namespace detail {

/// Whether every trainable tensor is finite. Those that lie side by side are asked about at once: every answer is a
/// wait for the device.
template <LanguageModel M>
[[nodiscard]] bool parameters_are_finite(M& model) {
    using Backend = typename M::Backend;
    struct Run {
        const std::byte* first = nullptr;
        const std::byte* last = nullptr;
        bool (*is_finite)(Backend&, const std::byte*, const std::byte*) = nullptr;
    };
    std::array<Run, role_count> runs{};  // tensors of a role are neighbours in memory, not in the manifest
    bool all_finite = true;
    const auto ask = [&](const Run& run) {
        if (all_finite && run.first != run.last) all_finite = run.is_finite(model.backend(), run.first, run.last);
    };
    model.for_each_trained_value([&](const auto& tensor) {
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        constexpr auto is_finite = +[](Backend& backend, const std::byte* first, const std::byte* last) {
            const auto count = static_cast<std::size_t>(last - first) / sizeof(Scalar);
            return std::isfinite(backend.run(SumOfSquares(row_view(reinterpret_cast<const Scalar*>(first), count))));
        };
        Run& run = runs[index_of(tensor.entry.role)];
        const auto* const first = reinterpret_cast<const std::byte*>(tensor.values.data);
        if (run.last != first || run.is_finite != is_finite) {
            ask(run);
            run = {first, first, is_finite};
        }
        run.last += tensor.values.size() * sizeof(Scalar);
    });
    for (const Run& run : runs) ask(run);
    return all_finite;
}

}  // namespace detail

/// The first trainable tensor that is not finite, by its name; nothing if all are.
///
/// cost     one read of every trainable parameter, and one wait for each run of them that lies without a gap
template <LanguageModel M>
[[nodiscard]] std::optional<std::string> first_non_finite_parameter(M& model) {
    std::optional<std::string> found;
    if (detail::parameters_are_finite(model)) return found;
    model.for_each_trained_value([&](const auto& tensor) {
        if (!found && !std::isfinite(model.backend().run(SumOfSquares(tensor.values)))) found = tensor.entry.name();
    });
    return found;
}

/// A model that shows its residual stream: `stream(0)` the embeddings, `stream(i)` what block i-1 puts out.
template <class M>
concept ShowsStream = requires(M& model, std::size_t block) {
    lamina::detail::takes_matrix_view(model.stream(block).erased());
};

/// Where the last training pass stopped being finite on its way to the loss: "the embeddings", "block h.7", or "the
/// logits" when every block's output is finite. Nothing for models that do not show their stream.
///
/// cost     one read of the activations between the blocks
template <LanguageModel M>
[[nodiscard]] std::optional<std::string> first_non_finite_activation(M& model) {
    if constexpr (ShowsStream<M>) {
        for (std::size_t i = 0; i <= M::architecture.layers; ++i) {
            if (std::isfinite(model.backend().run(SumOfSquares(model.stream(i))))) continue;
            return i == 0 ? "the embeddings" : "block h." + std::to_string(i - 1);
        }
        return "the logits";
    } else {
        return std::nullopt;
    }
}

/// A copy of everything a step changes: trainable parameters, moments and the states of layers.
///
/// memory  as much as the trainable parameters and their moments, from the first `take` on: on the device if that
///         leaves an eighth as much free there, for what is allocated later, else of the host
template <LanguageModel M>
class Snapshot {
public:
    void take(M& model, AdamW<M>& optimiser) { take(model, optimiser, copy_of_states(model.layers())); }

    /// With the states of layers as they were before a pass, which changes nothing else that a snapshot has. A first
    /// `take` after a pass finds that to have the memory it needs.
    ///
    /// errors   Error with the bytes where neither the device nor the host has them
    void take(M& model, AdamW<M>& optimiser, std::vector<std::byte> states) {
        if (!memory_) {
            std::size_t all = 0;
            visit_tensors(model, optimiser, [&](std::byte*, std::size_t bytes) { all += bytes; });
            memory_ = allocate(model.backend(), all);
        }
        std::byte* place = memory_->data();
        visit_tensors(model, optimiser, [&](std::byte* data, std::size_t bytes) {
            model.backend().copy(place, data, bytes);
            place += bytes;
        });
        states_ = std::move(states);
        updates_ = optimiser.updates();
    }

    /// Puts everything back. Does nothing before the first `take`.
    void restore(M& model, AdamW<M>& optimiser) const {
        if (!memory_) return;
        const std::byte* place = memory_->data();
        visit_tensors(model, optimiser, [&](std::byte* data, std::size_t bytes) {
            model.backend().copy(data, place, bytes);
            place += bytes;
        });
        set_states(model.layers(), states_);
        optimiser.set_updates(updates_);
        model.parameters_changed();
    }

    [[nodiscard]] bool empty() const { return !memory_; }

private:
    using Backend = typename M::Backend;

    static typename Backend::Memory allocate(Backend& backend, std::size_t bytes) {
        try {
            typename Backend::Memory memory = backend.allocate(bytes);
            static_cast<void>(backend.allocate(bytes / 8));
            return memory;
        } catch (const Error&) {
            try {
                return backend.allocate_host(bytes);
            } catch (Error& error) {
                error.append(
                    "; it is for the copy of what a step changes that NonFinite::skip and ::roll_back keep, which did "
                    "not fit on the device either; use NonFinite::stop, which keeps none");
                throw;
            }
        }
    }

    template <class F>
    static void visit_tensors(M& model, AdamW<M>& optimiser, const F& f) {
        model.for_each_trained_value(
            [&](const auto& tensor) { f(reinterpret_cast<std::byte*>(tensor.values.data), tensor.entry.bytes()); });
        for (const Role role : all_roles) {
            for (const auto moments : {optimiser.first_moments(role), optimiser.second_moments(role)}) {
                if (!moments.empty())
                    f(reinterpret_cast<std::byte*>(moments.data), moments.size() * sizeof(*moments.data));
            }
        }
    }

    std::optional<typename Backend::Memory> memory_;
    std::vector<std::byte> states_;
    std::size_t updates_ = 0;
};

}  // namespace lamina::train
