// SPDX-License-Identifier: MIT
// The progressive removal schedule: before which optimiser update which path of which LayerNorm is replaced.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lamina/core/error.hpp>

namespace lamina {

/// What one removal event replaces. The enumerators are in the order in which events of the same update are applied.
enum class RemovalKind {
    ln_2,            ///< ln_2 of a block
    ln_1_qk,         ///< ln_1 of a block, as seen by queries and keys
    ln_1_v,          ///< ln_1 of a block, as seen by values
    ln_f,            ///< the one norm after the last block
    end_of_text,     ///< end-of-text tokens in ln_1 of a block take the ordinary divisor
    first_position,  ///< position 0 in ln_1 of a block takes the ordinary divisor
};

/// Every kind, in the order in which events of the same update are applied.
inline constexpr std::array removal_order{RemovalKind::ln_2, RemovalKind::ln_1_qk,     RemovalKind::ln_1_v,
                                          RemovalKind::ln_f, RemovalKind::end_of_text, RemovalKind::first_position};

/// How many events a phase of this kind has in a model of `layers` blocks: one for ln_f, else one per block.
[[nodiscard]] constexpr std::size_t event_count(RemovalKind kind, std::size_t layers) {
    return kind == RemovalKind::ln_f ? 1 : layers;
}

[[nodiscard]] constexpr std::string_view name(RemovalKind kind) {
    switch (kind) {
        case RemovalKind::ln_2:
            return "ln_2";
        case RemovalKind::ln_1_qk:
            return "ln_1 queries and keys";
        case RemovalKind::ln_1_v:
            return "ln_1 values";
        case RemovalKind::ln_f:
            return "ln_f";
        case RemovalKind::end_of_text:
            return "ln_1 end-of-text";
        case RemovalKind::first_position:
            return "ln_1 first position";
    }
    return "unknown";
}

/// One replacement, in force for the forward passes of update `update` and all later ones.
struct RemovalEvent {
    RemovalKind kind = RemovalKind::ln_2;
    std::size_t layer = 0;   ///< block, from 0; always 0 for ln_f
    std::size_t update = 0;  ///< optimiser updates finished before it

    friend constexpr bool operator==(const RemovalEvent&, const RemovalEvent&) = default;
};

/// "h.3.ln_1 queries and keys", or "ln_f".
[[nodiscard]] inline std::string describe(const RemovalEvent& event) {
    const std::string what(name(event.kind));
    return event.kind == RemovalKind::ln_f ? what : "h." + std::to_string(event.layer) + "." + what;
}

/// When the events of one kind happen: block i at update start + i * gap. With gap 0 all blocks switch together.
struct RemovalPhase {
    static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

    std::size_t start = never;  ///< update of block 0
    std::size_t gap = 0;        ///< updates between one block and the next

    [[nodiscard]] constexpr bool is_scheduled() const { return start != never; }

    /// Update of the last of `count` events; nothing if there is none.
    [[nodiscard]] constexpr std::optional<std::size_t> last(std::size_t count) const {
        if (!is_scheduled() || count == 0) return std::nullopt;
        return start + (count - 1) * gap;
    }

    friend constexpr bool operator==(const RemovalPhase&, const RemovalPhase&) = default;
};

/// What `RemovalSchedule::progressive` needs to know: the first update, the gaps, and two pauses. In optimiser updates.
struct ProgressiveSpacing {
    std::size_t start = 0;  ///< first block of ln_2
    std::size_t gap_ln_2 = 1;
    std::size_t gap_ln_1_qk = 1;
    std::size_t gap_ln_1_v = 1;
    std::size_t end_of_text_after = RemovalPhase::never;  ///< pause between ln_f and end-of-text; never: no such phase
    std::size_t gap_end_of_text = 0;
    std::size_t first_position_after =
        RemovalPhase::never;  ///< pause after the end-of-text phase; never: no such phase
    std::size_t gap_first_position = 0;
};

/// What `RemovalSchedule::scaled` needs to know: the run that a schedule was made for and the one it shall serve.
struct ScheduleScale {
    std::size_t from_layers = 1;
    std::size_t to_layers = 1;
    std::size_t from_steps = 1;  ///< optimiser updates
    std::size_t to_steps = 1;    ///< optimiser updates
};

/// Six phases, applied in the order of `removal_order` before the update that they name. The default removes nothing.
struct RemovalSchedule {
    RemovalPhase ln_2{};
    RemovalPhase ln_1_qk{};
    RemovalPhase ln_1_v{};
    RemovalPhase ln_f{};
    RemovalPhase end_of_text{};
    RemovalPhase first_position{};

    /// One phase after the other, each starting one gap after the last block of the one before, ln_f included.
    ///
    /// source   the arithmetic that the published schedules share
    [[nodiscard]] static constexpr RemovalSchedule progressive(const ProgressiveSpacing& spacing, std::size_t layers) {
        RemovalSchedule schedule;
        schedule.ln_2 = {spacing.start, spacing.gap_ln_2};
        schedule.ln_1_qk = {schedule.ln_2.start + layers * spacing.gap_ln_2, spacing.gap_ln_1_qk};
        schedule.ln_1_v = {schedule.ln_1_qk.start + layers * spacing.gap_ln_1_qk, spacing.gap_ln_1_v};
        schedule.ln_f = {schedule.ln_1_v.start + layers * spacing.gap_ln_1_v};
        std::size_t end = schedule.ln_f.start;
        if (spacing.end_of_text_after != RemovalPhase::never) {
            schedule.end_of_text = {end + spacing.end_of_text_after, spacing.gap_end_of_text};
            end = schedule.end_of_text.start + layers * spacing.gap_end_of_text;
        }
        if (spacing.first_position_after != RemovalPhase::never) {
            schedule.first_position = {end + spacing.first_position_after, spacing.gap_first_position};
        }
        return schedule;
    }

    [[nodiscard]] constexpr const RemovalPhase& phase(RemovalKind kind) const {
        switch (kind) {
            case RemovalKind::ln_2:
                return ln_2;
            case RemovalKind::ln_1_qk:
                return ln_1_qk;
            case RemovalKind::ln_1_v:
                return ln_1_v;
            case RemovalKind::ln_f:
                return ln_f;
            case RemovalKind::end_of_text:
                return end_of_text;
            case RemovalKind::first_position:
                break;
        }
        return first_position;
    }

    /// Calls `visit(RemovalEvent)` for each event of one update: by kind, then by block.
    ///
    /// cost     constant when nothing happens; no allocation
    template <class Visitor>
    constexpr void events_at(std::size_t update, std::size_t layers, Visitor&& visit) const {
        for (const RemovalKind kind : removal_order) {
            const RemovalPhase& timing = phase(kind);
            const std::size_t count = event_count(kind, layers);
            if (!timing.is_scheduled() || update < timing.start) continue;
            const std::size_t since = update - timing.start;
            if (timing.gap == 0) {
                for (std::size_t layer = 0; since == 0 && layer < count; ++layer) {
                    visit(RemovalEvent{.kind = kind, .layer = layer, .update = update});
                }
            } else if (since % timing.gap == 0 && since / timing.gap < count) {
                visit(RemovalEvent{.kind = kind, .layer = since / timing.gap, .update = update});
            }
        }
    }

    /// Calls `visit(RemovalEvent)` for each event of the updates 0 to `update`, that one included, in their order. What
    /// a resumed run applies before it goes on with `update`.
    template <class Visitor>
    constexpr void replay(std::size_t update, std::size_t layers, Visitor&& visit) const {
        const std::optional<std::size_t> end = finished_at(layers);
        for (std::size_t past = 0; end && past <= std::min(update, *end); ++past) events_at(past, layers, visit);
    }

    /// All events in their order.
    [[nodiscard]] std::vector<RemovalEvent> events(std::size_t layers) const {
        std::vector<RemovalEvent> all;
        replay(RemovalPhase::never, layers, [&all](const RemovalEvent& event) { all.push_back(event); });
        return all;
    }

    /// Update of the last event of any kind; nothing if the schedule is empty.
    [[nodiscard]] constexpr std::optional<std::size_t> finished_at(std::size_t layers) const {
        return last_of(removal_order, layers);
    }

    /// Update of the last event that replaces a norm: the end-of-text and first-position phases change nothing in a
    /// model that treats all positions alike.
    [[nodiscard]] constexpr std::optional<std::size_t> last_effective(std::size_t layers) const {
        return last_of(std::span(removal_order).first<4>(), layers);
    }

    /// Whether no real norm is left once the schedule has finished.
    [[nodiscard]] constexpr bool removes_every_norm() const {
        return ln_2.is_scheduled() && ln_1_qk.is_scheduled() && ln_1_v.is_scheduled() && ln_f.is_scheduled();
    }

    /// The same course for a run of another length and a model of another depth. Starts move in proportion; gaps become
    /// the largest ones that let each phase end where it ended, in proportion. So phases that did not overlap still
    /// don't. A gap below one update becomes 0: the blocks of that phase switch together.
    ///
    /// errors   ArgumentError unless from_steps and to_layers are at least 1
    [[nodiscard]] constexpr RemovalSchedule scaled(const ScheduleScale& scale) const {
        if (scale.from_steps == 0 || scale.to_layers == 0) {
            throw ArgumentError("lamina: RemovalSchedule::scaled: from " + std::to_string(scale.from_steps) +
                                " steps to " + std::to_string(scale.to_layers) +
                                " layers, expected at least 1 of each");
        }
        RemovalSchedule result;
        result.ln_2 = scaled(ln_2, scale);
        result.ln_1_qk = scaled(ln_1_qk, scale);
        result.ln_1_v = scaled(ln_1_v, scale);
        result.ln_f = {scaled(ln_f, scale).start};
        result.end_of_text = scaled(end_of_text, scale);
        result.first_position = scaled(first_position, scale);
        return result;
    }

    friend constexpr bool operator==(const RemovalSchedule&, const RemovalSchedule&) = default;

private:
    [[nodiscard]] constexpr std::optional<std::size_t> last_of(std::span<const RemovalKind> kinds,
                                                               std::size_t layers) const {
        std::optional<std::size_t> latest;
        for (const RemovalKind kind : kinds) latest = std::max(latest, phase(kind).last(event_count(kind, layers)));
        return latest;
    }

    [[nodiscard]] static constexpr RemovalPhase scaled(const RemovalPhase& phase, const ScheduleScale& scale) {
        if (!phase.is_scheduled()) return {};
        const auto moved = [&scale](std::size_t update) { return update * scale.to_steps / scale.from_steps; };
        const std::size_t start = moved(phase.start);
        const std::size_t end = moved(phase.start + scale.from_layers * phase.gap);
        return {start, (end - start) / scale.to_layers};
    }
};

}  // namespace lamina
