// SPDX-License-Identifier: MIT
// PrefixScorer: scores continuations through a cache of keys and values, each shared beginning computed once.
#pragma once

#include <lamina/eval/prefix_plan.hpp>
#include <lamina/eval/scorer.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <lamina/nn/run/segment.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::eval {

/// What a PrefixScorer may use of a model.
struct PassLimits {
    std::size_t context = 1024;      ///< positions of the model
    std::size_t cache_rows = 4096;   ///< of its KeyValueCache, at least twice the context
    std::size_t pass_tokens = 2048;  ///< put through it at once, at least the context
};

/// A Scorer. `pass(segments, wanted, log_probabilities)` is lamina::score with a model and a cache of its own, whose
/// rows nobody else writes. Segments are packed one after another, so that no padding is computed.
///
/// cost  tokens() counts what went through the model; the requests of one call share beginnings among them, and with
///       the call before
template <class Pass>
class PrefixScorer {
public:
    /// errors  ArgumentError unless each limit holds at least one whole sequence
    PrefixScorer(Pass pass, const PassLimits& limits) : pass_(std::move(pass)), limits_(limits) {
        if (limits.cache_rows / 2 < limits.context) {
            throw ArgumentError("lamina: PrefixScorer: a cache of " + std::to_string(limits.cache_rows) +
                                " rows, expected at least two contexts of " + std::to_string(limits.context));
        }
        if (limits.pass_tokens < limits.context) {
            throw ArgumentError("lamina: PrefixScorer: passes of " + std::to_string(limits.pass_tokens) +
                                " tokens, expected at least a context of " + std::to_string(limits.context));
        }
    }

    /// errors  ArgumentError when a request is not as Request says; those of the pass, after which the scorer goes on
    ///         as before
    [[nodiscard]] std::vector<Answer> score(std::span<const Request> requests) {
        empty_pass();  // a pass that threw has left what it was given
        std::vector<Answer> answers;
        answers.reserve(requests.size());
        for (const Request& request : requests) answers.emplace_back(request.continuations.size());
        const std::vector<Sequence> sequences = distinct(requests, answers);
        const PrefixPlan plan = make_plan(sequences);
        keep_trunk(sequences, plan.trunk);

        for (std::span<const PrefixGroup> left = plan.groups; !left.empty();) {
            const std::size_t count = groups_that_fit(left);
            run_groups(left.first(count), sequences, plan.trunk);
            left = left.subspan(count);
        }
        return answers;
    }

    [[nodiscard]] std::size_t tokens() const { return tokens_; }

private:
    /// What is asked at one position of a sequence, and where the answer goes.
    struct Want {
        std::size_t position = 0;
        Token target = 0;
        double* sum = nullptr;
    };
    struct Sequence {
        std::vector<Token> tokens;
        std::vector<Want> wants;
    };

    [[noreturn]] static void refuse(std::size_t request, const std::string& problem) {
        throw ArgumentError("lamina: PrefixScorer: request " + std::to_string(request) + " " + problem);
    }

    /// Every input of the requests once, sorted.
    [[nodiscard]] std::vector<Sequence> distinct(std::span<const Request> requests,
                                                 std::vector<Answer>& answers) const {
        std::map<std::vector<Token>, std::vector<Want>> found;
        for (std::size_t r = 0; r < requests.size(); ++r) {
            const Request& request = requests[r];
            for (std::size_t c = 0; c < request.continuations.size(); ++c) {
                const std::vector<Token>& continuation = request.continuations[c];
                if (request.context.empty() || continuation.empty()) {
                    refuse(r, "has no context or an empty continuation, expected a token of each");
                }
                std::vector<Token> input = request.context;
                input.insert(input.end(), continuation.begin(), continuation.end() - 1);
                if (input.size() > limits_.context) {
                    refuse(r, "takes " + std::to_string(input.size()) + " positions, expected at most " +
                                  std::to_string(limits_.context) + ", the model's context");
                }
                std::vector<Want>& wants = found[std::move(input)];
                for (std::size_t i = 0; i < continuation.size(); ++i) {
                    wants.push_back({request.context.size() - 1 + i, continuation[i], &answers[r][c]});
                }
            }
        }
        std::vector<Sequence> sequences;
        sequences.reserve(found.size());
        while (!found.empty()) {
            auto node = found.extract(found.begin());
            sequences.push_back({std::move(node.key()), std::move(node.mapped())});
        }
        return sequences;
    }

    [[nodiscard]] PrefixPlan make_plan(std::span<const Sequence> sequences) const {
        std::vector<TokenSpan> spans;
        spans.reserve(sequences.size());
        std::size_t longest_trunk = limits_.cache_rows - limits_.context;
        for (const Sequence& sequence : sequences) {
            spans.emplace_back(sequence.tokens);
            // A trunk that is kept from before is not computed, and nothing can be asked of it.
            for (const Want& want : sequence.wants) longest_trunk = std::min(longest_trunk, want.position);
        }
        const std::size_t kept = spans.empty() ? 0 : common_prefix(trunk_, spans.front());
        return plan_prefixes(spans, {.trunk = longest_trunk, .kept_trunk = kept, .trunk_uses = 2});
    }

    /// Makes the first rows of the cache the first `length` tokens of every sequence.
    void keep_trunk(std::span<const Sequence> sequences, std::size_t length) {
        if (length == 0) {
            trunk_.clear();
            return;
        }
        const TokenSpan wanted = TokenSpan(sequences.front().tokens).first(length);
        const std::size_t kept = common_prefix(trunk_, wanted);
        if (kept < length) {
            trunk_.clear();  // until its rows are written: the pass may throw
            add({.tokens = wanted.subspan(kept), .prefix = {.row = 0, .length = kept}, .store_at = kept});
            flush();
        }
        trunk_.assign(wanted.begin(), wanted.end());
    }

    /// How many of the groups have stems that the cache holds together.
    [[nodiscard]] std::size_t groups_that_fit(std::span<const PrefixGroup> groups) const {
        std::size_t rows = trunk_.size();
        std::size_t count = 0;
        while (count < groups.size() && rows + groups[count].stem <= limits_.cache_rows) rows += groups[count++].stem;
        return count;
    }

    void run_groups(std::span<const PrefixGroup> groups, std::span<const Sequence> sequences, std::size_t trunk) {
        std::size_t row = trunk_.size();
        for (const PrefixGroup& group : groups) {
            if (group.stem == 0) continue;
            const std::span<const Sequence> members = sequences.subspan(group.first, group.last - group.first);
            add({.tokens = TokenSpan(members.front().tokens).first(group.stem), .prefix = {}, .store_at = row});
            row += group.stem;
            for (const Sequence& member : members) ask(member.wants, 0, group.stem);
        }
        flush();
        row = trunk_.size();
        for (const PrefixGroup& group : groups) {
            const CachedPrefix prefix = group.stem == 0 ? CachedPrefix{0, trunk} : CachedPrefix{row, group.stem};
            row += group.stem;
            for (std::size_t i = group.first; i < group.last; ++i) {
                const TokenSpan rest = TokenSpan(sequences[i].tokens).subspan(prefix.length);
                if (rest.empty()) continue;  // another sequence of the group begins with all of this one
                add({.tokens = rest, .prefix = prefix});
                ask(sequences[i].wants, prefix.length, sequences[i].tokens.size());
            }
        }
        flush();
    }

    /// Puts a segment into the pass that is being filled, after that pass has been run if there is no room.
    void add(const Segment& segment) {
        if (packed_ + segment.tokens.size() > limits_.pass_tokens) flush();
        segments_.push_back(segment);
        last_begin_ = packed_;
        packed_ += segment.tokens.size();
    }

    /// Asks the last segment what is wanted at positions [begin, end) of its sequence, of which `begin` is its first.
    void ask(std::span<const Want> wants, std::size_t begin, std::size_t end) {
        for (const Want& want : wants) {
            if (want.position < begin || want.position >= end) continue;
            wanted_.push_back({.row = last_begin_ + want.position - begin, .target = want.target});
            sums_.push_back(want.sum);
        }
    }

    void flush() {
        if (segments_.empty()) return;
        log_probabilities_.resize(wanted_.size());
        pass_(std::span<const Segment>(segments_), std::span<const WantedToken>(wanted_),
              std::span<double>(log_probabilities_));
        for (std::size_t i = 0; i < sums_.size(); ++i) *sums_[i] += log_probabilities_[i];
        tokens_ += packed_;
        empty_pass();
    }

    void empty_pass() {
        packed_ = 0;
        segments_.clear();
        wanted_.clear();
        sums_.clear();
    }

    Pass pass_;
    PassLimits limits_;
    std::size_t tokens_ = 0;
    std::vector<Token> trunk_{};  // whose keys and values the first rows of the cache hold

    // The pass that is being filled.
    std::vector<Segment> segments_{};
    std::vector<WantedToken> wanted_{};
    std::vector<double*> sums_{};
    std::vector<double> log_probabilities_{};
    std::size_t packed_ = 0;
    std::size_t last_begin_ = 0;
};

}  // namespace lamina::eval
