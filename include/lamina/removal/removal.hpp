// SPDX-License-Identifier: MIT
// Removal: applies the events of a removal schedule to the norms of a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lamina/arch/visit.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/stand_in.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/removal/removable_state.hpp>
#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>

namespace lamina {

/// A removable norm of a model.
struct NormSite {
    std::string name;  ///< "h.3.ln_1", "ln_f"
    std::size_t layer = 0;
    bool in_block = false;
    bool two_paths = false;  ///< before attention: queries and keys are removed before values
    RemovableState* state = nullptr;
};

namespace detail {

template <class Node>
concept HasRemovableState = requires(Node& node, RemovableState*& state) {
    state = &node.state;
};

struct AnyRemovableState : LayerProperty {
    template <class Node>
    static constexpr bool of = HasRemovableState<Node>;
};

}  // namespace detail

/// A model with a norm that can be removed.
template <class M>
concept HasRemovableNorm = LanguageModel<M> && contains<typename M::Layers, detail::AnyRemovableState>;

/// The removable norms of a model, in the order of its layers. The states live in the model: it must not move
/// meanwhile.
template <LanguageModel M>
[[nodiscard]] std::vector<NormSite> norm_sites(M& model) {
    std::vector<NormSite> sites;
    const auto look_below = [&sites](auto& member, const std::string& name, std::optional<std::size_t> block) {
        const auto look = [&](const std::string& path, auto& node) {
            sites.push_back({.name = path,
                             .layer = block.value_or(0),
                             .in_block = block.has_value(),
                             .two_paths = node.paths == 2,
                             .state = &node.state});
        };
        for_each_named_node<detail::AnyRemovableState>(member, look, name);
    };
    // What a model repeats are its blocks.
    model.layers().visit([&](std::string_view name, auto& member) {
        if constexpr (detail::is_array_member<std::remove_cvref_t<decltype(member)>>) {
            for (std::size_t i = 0; i < member.size(); ++i) {
                look_below(member[i], std::string(name) + '.' + std::to_string(i), i);
            }
        } else {
            look_below(member, std::string(name), std::nullopt);
        }
    });
    return sites;
}

/// In which norms a first-position event lets position 0 divide like the others.
enum class FirstPositionScope : std::uint8_t {
    every_norm,  ///< all of the block, and the norm after the blocks together with the last one; nothing stays apart
    ln_1_only,   ///< as in the original; the other norms keep position 0 apart for ever, so they cannot be folded
};

/// Turns norms into fixed ones, event by event, and prepares their tracking.
///
/// Works on any model with `norm::Removable`: in each block, norms with two paths play ln_1 and the others ln_2; a norm
/// outside the blocks plays ln_f.
class Removal {
public:
    /// Sets how every norm tracks and what it treats apart, as at the start of a run: build it before loading norm
    /// states, whose progress it would undo.
    ///
    /// errors   ArgumentError when the tracking's momentum or calls_of_ln_1 is out of range; nothing is changed then
    template <LanguageModel M>
    Removal(M& model, RemovalSchedule schedule, StdTracking tracking,
            FirstPositionScope scope = FirstPositionScope::every_norm)
        : sites_(norm_sites(model)), schedule_(schedule), scope_(scope), layers_(M::architecture.layers) {
        static_assert(HasRemovableNorm<M> || lamina::detail::StandsIn<M>,
                      "lamina: Removal: the model has no norm that can be removed; give it norm::Removable");
        check(tracking);
        for (const NormSite& site : sites_) {
            RemovableState& state = *site.state;
            const bool apart = tracking.first_position == FirstPosition::apart;
            state.tracking = tracking;
            state.calls_per_batch = site.two_paths ? tracking.calls_of_ln_1 : 1;
            state.first_position_apart = apart;
            state.end_of_text_apart = apart && site.two_paths;
        }
    }

    /// Measures the mean deviation at every norm on a batch, and starts averages and divisors there. When `evaluate`
    /// throws, norms track as before.
    template <LanguageModel M>
    void calibrate(M& model, const TokenBatch& batch) {
        {
            const TrackingKept kept(sites_);
            for (const NormSite& site : sites_) {
                site.state->tracking.momentum = 0;
                site.state->tracking.evaluation = EvaluationPasses::averaged;
            }
            static_cast<void>(model.evaluate(batch));
        }
        for (const NormSite& site : sites_) {
            site.state->start_at(site.state->average, site.state->first_position_average);
        }
    }

    /// Starts one norm from a published standard deviation. Throws ArgumentError when the model has no such norm.
    void start_at(RemovalKind kind, std::size_t layer, double standard_deviation, double first_position) {
        bool found = false;
        for (const NormSite& site : sites_) {
            if (!plays(site, kind, layer)) continue;
            site.state->start_at(standard_deviation, first_position);
            found = true;
        }
        if (!found)
            throw ArgumentError("lamina: Removal::start_at: the model has no removable norm for " +
                                describe(RemovalEvent{kind, layer, 0}));
    }

    /// Applies what the schedule says for the forward passes of update `update` (counted from 0). Call once before
    /// them, or attach this to a trainer, which does.
    const std::vector<RemovalEvent>& before_update(std::size_t update) {
        events_.clear();
        schedule_.events_at(update, layers_, [&](const RemovalEvent& event) {
            apply(event);
            events_.push_back(event);
        });
        return events_;
    }

    /// Norms that were switched up to `update` stay so when states were put back to what they were before.
    void after_restore(std::size_t update) {
        schedule_.replay(update, layers_, [&](const RemovalEvent& event) { apply(event); });
    }

    /// The norms switched before the last update.
    [[nodiscard]] const std::vector<RemovalEvent>& events() const { return events_; }

    void apply(const RemovalEvent& event) {
        for (const NormSite& site : sites_) {
            if (!plays(site, event.kind, event.layer)) continue;
            RemovableState& state = *site.state;
            switch (event.kind) {
                case RemovalKind::ln_2:
                case RemovalKind::ln_f:
                    state.fixed = state.values_fixed = true;
                    break;
                case RemovalKind::ln_1_qk:
                    state.fixed = true;
                    break;
                case RemovalKind::ln_1_v:
                    state.values_fixed = true;
                    break;
                case RemovalKind::end_of_text:
                    state.merge_end_of_text();
                    break;
                case RemovalKind::first_position:
                    state.merge_first_position();
                    break;
            }
        }
    }

    [[nodiscard]] std::size_t norms() const { return sites_.size(); }
    /// Norms with at least one path that still measures.
    [[nodiscard]] std::size_t norms_left() const {
        std::size_t left = 0;
        for (const NormSite& site : sites_) left += site.state->removed() ? 0 : 1;
        return left;
    }
    [[nodiscard]] const std::vector<NormSite>& sites() const { return sites_; }
    [[nodiscard]] const RemovalSchedule& schedule() const { return schedule_; }

private:
    /// Puts the tracking of every norm back at the end of a scope.
    class TrackingKept {
    public:
        explicit TrackingKept(const std::vector<NormSite>& sites) : sites_(sites) {
            for (const NormSite& site : sites_) tracking_.push_back(site.state->tracking);
        }
        ~TrackingKept() {
            for (std::size_t i = 0; i < sites_.size(); ++i) sites_[i].state->tracking = tracking_[i];
        }
        TrackingKept(const TrackingKept&) = delete;
        TrackingKept& operator=(const TrackingKept&) = delete;

    private:
        const std::vector<NormSite>& sites_;
        std::vector<StdTracking> tracking_;
    };

    static void check(const StdTracking& tracking) {
        if (tracking.calls_of_ln_1 < 1 || tracking.calls_of_ln_1 > 3) {
            throw ArgumentError("lamina: Removal: calls_of_ln_1 of " + std::to_string(tracking.calls_of_ln_1) +
                                ": expected 1 to 3");
        }
        if (!(tracking.momentum >= 0 && tracking.momentum < 1)) {  // NaN included
            throw ArgumentError("lamina: Removal: momentum of " + std::to_string(tracking.momentum) +
                                ": expected at least 0 and below 1");
        }
    }

    [[nodiscard]] bool plays(const NormSite& site, RemovalKind kind, std::size_t layer) const {
        const bool everywhere = scope_ == FirstPositionScope::every_norm;
        if (!site.in_block) {
            return kind == RemovalKind::ln_f ||
                   (kind == RemovalKind::first_position && everywhere && layer + 1 == layers_);
        }
        if (site.layer != layer) return false;
        switch (kind) {
            case RemovalKind::ln_2:
                return !site.two_paths;
            case RemovalKind::ln_1_qk:
            case RemovalKind::ln_1_v:
            case RemovalKind::end_of_text:
                return site.two_paths;
            case RemovalKind::first_position:
                return everywhere || site.two_paths;
            case RemovalKind::ln_f:
                return false;
        }
        return false;
    }

    std::vector<NormSite> sites_;
    RemovalSchedule schedule_;
    FirstPositionScope scope_;
    std::size_t layers_;
    std::vector<RemovalEvent> events_;
};

}  // namespace lamina
