// SPDX-License-Identifier: MIT
// AdamW: the optimiser, over every parameter of a model that trains.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/told.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/run/planned_memory.hpp>
#include <lamina/nn/stand_in.hpp>
#include <lamina/train/adamw_options.hpp>

namespace lamina::train {

namespace detail {

template <class M, class Other>
struct AnotherModelError {
    static_assert(
        std::is_same_v<M, Other> || lamina::detail::StandsIn<M> || lamina::detail::StandsIn<Other>,
        "lamina: AdamW: the model is of another type than the optimiser's; give each model an optimiser of its "
        "own, train::AdamW optimiser(model)");
};

}  // namespace detail

/// Decoupled weight decay Adam (Loshchilov & Hutter 2019; docs/method.md, "AdamW") with moments stored as the precision
/// policy says.
///
/// memory  two moments per trainable parameter
template <LanguageModel M>
class AdamW {
    using Backend = typename M::Backend;
    using Moment = typename M::Policies::Moment;
    using Table = Manifest<M>;

public:
    explicit AdamW(M& model, AdamWOptions options = {}) : options_(options) {
        std::size_t all = 0;
        for (const Role role : all_roles) all += 2 * Table::moment_elements_of(role) * sizeof(Moment);
        for (const Role role : all_roles) {
            const std::size_t bytes = Table::moment_elements_of(role) * sizeof(Moment);
            for (auto* const moments : {&first_, &second_})
                (*moments)[index_of(role)] = allocate_planned(model.backend(), bytes, all, "moments");
        }
    }

    /// Tells that the model is of another type than this optimiser's.
    template <LanguageModel Other>
    explicit AdamW(Other&, AdamWOptions = {}) {
        static_cast<void>(lamina::detail::told(lamina::detail::mistake<detail::AnotherModelError<M, Other>>));
    }

    /// One update with this learning rate; gradients are multiplied by `gradient_scale`, which is where clipping comes
    /// in.
    ///
    /// cost    one operation for each run of tensors that lie side by side, values and gradients, and are updated alike
    /// errors  ArgumentError where nothing was added to the gradients since they were zeroed and values last changed
    void step(M& model, double rate, double gradient_scale = 1) {
        if (!model.has_gradients()) {
            throw ArgumentError(
                "lamina: AdamW: no gradients since they were zeroed or the parameters changed; call forward_backward "
                "before step, or gradients_changed after writing gradients by hand");
        }
        model.complete_gradients();
        ++updates_;
        std::array<std::size_t, role_count> updated{};  // moments of each role, in their order
        model.for_each_trained_tensor([&](const auto& tensor) {
            using Tensor = std::remove_cvref_t<decltype(tensor)>;
            const TensorEntry& entry = tensor.entry;
            if (entry.moment_offset < updated[index_of(entry.role)]) return;
            const std::size_t count = elements_from(entry);
            updated[index_of(entry.role)] = entry.moment_offset + count;
            model.backend().run(AdamWUpdate<typename Tensor::Scalar, typename Tensor::Gradient, Moment>{
                .parameter = row_view(tensor.values.data, count),
                .gradient = row_view(tensor.gradient.data, count),
                .first_moment = row_view(region(first_, entry.role) + entry.moment_offset, count),
                .second_moment = row_view(region(second_, entry.role) + entry.moment_offset, count),
                .rate = rate,
                .beta1 = options_.beta1,
                .beta2 = options_.beta2,
                .epsilon = options_.epsilon,
                .decay = decay_of(entry),
                .gradient_scale = gradient_scale,
                .update = updates_});
        });
        model.parameters_changed();
    }

    /// Tells that the model is of another type than this optimiser's.
    template <LanguageModel Other>
    void step(Other&, double, double = 1) {
        static_cast<void>(lamina::detail::told(lamina::detail::mistake<detail::AnotherModelError<M, Other>>));
    }

    /// Updates made, which the bias corrections depend on.
    [[nodiscard]] std::size_t updates() const { return updates_; }
    void set_updates(std::size_t updates) { updates_ = updates; }

    /// The moments of a role as one row, each tensor at its moment_offset; empty where nothing trains.
    [[nodiscard]] MatrixView<Moment> first_moments(Role role) { return view(first_, role); }
    [[nodiscard]] MatrixView<Moment> second_moments(Role role) { return view(second_, role); }

    [[nodiscard]] const AdamWOptions& options() const { return options_; }

private:
    using Regions = std::array<typename Backend::Memory, role_count>;

    [[nodiscard]] double decay_of(const TensorEntry& entry) const {
        return decays(entry.role, entry.part, options_.gain_decay) ? options_.weight_decay : 0;
    }

    /// Elements of the longest run of tensors from `first` on, without a gap in memory, that are updated alike.
    [[nodiscard]] std::size_t elements_from(const TensorEntry& first) const {
        const TensorEntry* last = &first;
        for (const TensorEntry& next : Table::entries) {
            if (next.role != first.role || next.offset <= last->offset) continue;
            if (!continues(*last, next)) break;
            last = &next;
        }
        return last->moment_offset + last->size - first.moment_offset;
    }
    [[nodiscard]] bool continues(const TensorEntry& before, const TensorEntry& next) const {
        return next.trains && next.streams == before.streams && next.type == before.type &&
               next.offset == before.offset + before.bytes() &&
               next.gradient_offset == before.gradient_offset + before.size &&
               next.moment_offset == before.moment_offset + before.size && decay_of(next) == decay_of(before);
    }

    static Moment* region(Regions& regions, Role role) {
        return reinterpret_cast<Moment*>(regions[index_of(role)].data());
    }
    static MatrixView<Moment> view(Regions& regions, Role role) {
        const std::size_t count = Table::moment_elements_of(role);
        return count == 0 ? MatrixView<Moment>{} : row_view(region(regions, role), count);
    }

    AdamWOptions options_;
    Regions first_{};
    Regions second_{};
    std::size_t updates_ = 0;
};

}  // namespace lamina::train
