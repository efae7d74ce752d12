// SPDX-License-Identifier: MIT
// Algorithms: which of cuBLASLt's algorithms makes a product, chosen once per problem, by timing; a table to keep.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/descriptors.hpp>
#include <lamina/backend/cuda/memory.hpp>
#include <lamina/backend/cuda/product.hpp>
#include <lamina/backend/cuda/timing.hpp>
#include <lamina/core/error.hpp>

namespace lamina::cuda {

/// How an algorithm is chosen for a problem that is met for the first time.
enum class Choice : std::uint8_t {
    timed,  ///< each candidate is run a few times, the quickest stays: which that is can differ from run to run
    first   ///< what the library holds to be the best
};

/// Memory that algorithms may use for themselves.
inline constexpr std::size_t library_workspace_bytes = std::size_t{32} << 20U;

/// One algorithm with the descriptors of the problem that it is for.
class Algorithm {
public:
    Algorithm(const Product& product, const cublasLtMatmulAlgo_t& algorithm, std::size_t workspace_bytes)
        : descriptors_(product), algorithm_(algorithm), workspace_bytes_(workspace_bytes) {}

    /// Queues the product; `workspace` has library_workspace_bytes.
    [[nodiscard]] cublasStatus_t run(cublasLtHandle_t library, const Product& p, void* workspace, cudaStream_t stream) {
        descriptors_.set_addresses(p);
        const auto queue = [&](auto scale, auto one_base) {
            return cublasLtMatmul(library, descriptors_.product(), &scale, p.rhs.data, descriptors_.a(), p.lhs.data,
                                  descriptors_.b(), &one_base, p.adds() ? p.base.data : p.out.data, descriptors_.c(),
                                  p.written(), descriptors_.d(), &algorithm_, workspace, workspace_bytes_, stream);
        };
        if (p.compute == CUBLAS_COMPUTE_64F) return queue(p.scale, p.adds() ? 1.0 : 0.0);
        return queue(static_cast<float>(p.scale), p.adds() ? 1.0F : 0.0F);
    }

    [[nodiscard]] const cublasLtMatmulAlgo_t& configuration() const { return algorithm_; }

private:
    Descriptors descriptors_;
    cublasLtMatmulAlgo_t algorithm_;
    std::size_t workspace_bytes_;
};

/// The algorithm of every problem met so far. Only those are used whose result is the same bits each time and whose
/// sums are rounded once: partial sums, if any, are kept in the compute type and added in a separate step.
class Algorithms {
public:
    explicit Algorithms(Choice choice) : choice_(choice) {}

    /// For problems that are met from now on.
    void set_choice(Choice choice) { choice_ = choice; }
    /// From now on a problem that is neither chosen nor imported has the library's first algorithm, whatever the
    /// choice: so do all runs that have the same table, where timing could choose another in each.
    void settle() { settled_ = true; }

    /// Whether nothing is known yet of this product's problem, and it may be run to be timed.
    [[nodiscard]] bool shall_time(const Context& context, const Product& product) const {
        if (!times(context)) return false;
        const Problem problem = Problem::of(product);
        return !chosen_.contains(problem) && !imported_.contains(problem);
    }

    /// The algorithm of this product's problem, or null where the library has none that runs. It may run the product to
    /// time it: then `out` is written, unless it is also added to.
    ///
    /// cost     while a problem is new: up to 16 candidates, 7 runs each; an allocation of out's size where it adds to
    ///          itself. Nothing is timed while work is recorded, nor once settled.
    /// notes    where the library holds the product to be wrong, which is a mistake of ours but no reason to end a run,
    ///          and where an imported algorithm does not do on this device, so that another is chosen
    /// errors   DeviceError
    [[nodiscard]] Algorithm* find(Context& context, cublasLtHandle_t library, const Product& product) {
        const Problem problem = Problem::of(product);
        const auto found = chosen_.find(problem);
        if (found != chosen_.end()) return found->second.empty() ? nullptr : &found->second.front();
        const auto imported = imported_.find(problem);
        std::vector<Algorithm>& entry = chosen_[problem];
        try {
            if (imported == imported_.end()) {
                choose(entry, context, library, product, times(context));
            } else if (imported->second && !take_imported(entry, library, product, *imported->second)) {
                // Nothing is left to be kept the same, so that the quickest is worth as much as any.
                choose(entry, context, library, product, choice_ == Choice::timed && !context.recording);
            }
        } catch (...) {
            chosen_.erase(problem);
            throw;
        }
        return entry.empty() ? nullptr : &entry.front();
    }

    /// What has been done in another way than was asked for, one sentence each, since the last call.
    [[nodiscard]] std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

    /// From now on this product's problem has no algorithm: the one that was found does not run, or another way to make
    /// the product is quicker.
    void give_up(const Product& product) { chosen_[Problem::of(product)].clear(); }

    /// What was chosen, and what was imported and not met yet, as lines of text, problems without an algorithm too: a
    /// run that imports them on such a device with this version of the library makes the same bits of them.
    [[nodiscard]] std::string exported(const Context& context) const {
        std::ostringstream text;
        text << heading(context) << '\n';
        Table known = imported_;
        for (const auto& [problem, algorithm] : chosen_) {
            known[problem] = algorithm.empty() ? std::nullopt : std::optional(algorithm.front().configuration());
        }
        for (const auto& [problem, algorithm] : known) {
            for (const std::int64_t number : std::bit_cast<ProblemNumbers>(problem)) text << number << ' ';
            if (algorithm) {
                for (const std::uint64_t word : algorithm->data) text << word << ' ';
            }
            text << '\n';
        }
        return text.str();
    }

    /// errors   Error for another version or device, or a line that is none of `exported`
    void import(const Context& context, const std::string& text) {
        std::istringstream lines(text);
        std::string line;
        std::getline(lines, line);
        if (line != heading(context)) {
            throw Error("lamina: CudaBackend: a table of algorithms starts with \"" + line + "\": expected \"" +
                        heading(context) + "\"; time them anew");
        }
        Table read;
        for (std::size_t number = 2; std::getline(lines, line); ++number) {
            if (!line.empty()) read.insert(entry_of(line, number));
        }
        imported_ = std::move(read);
        chosen_.clear();
    }

private:
    static constexpr int most_candidates = 16;
    /// No algorithm where the product is made in another way.
    using Table = std::map<Problem, std::optional<cublasLtMatmulAlgo_t>>;
    using ProblemNumbers = std::array<std::int64_t, sizeof(Problem) / sizeof(std::int64_t)>;

    static std::string heading(const Context& context) {
        return "lamina algorithms 2, cuBLASLt " + library_version() + ", " + context.properties().name + ", " +
               std::to_string(context.multiprocessors()) + " multiprocessors";
    }

    static Table::value_type entry_of(const std::string& line, std::size_t line_number) {
        std::istringstream text(line);
        const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
        std::istringstream numbers(line);
        ProblemNumbers problem{};
        cublasLtMatmulAlgo_t algorithm{};
        const std::size_t all = problem.size() + std::size(algorithm.data);
        for (std::int64_t& number : problem) numbers >> number;
        if (words.size() != problem.size()) {
            for (std::uint64_t& word : algorithm.data) numbers >> word;
        }
        if (!numbers || (words.size() != all && words.size() != problem.size())) {
            throw Error("lamina: CudaBackend: a table of algorithms, line " + std::to_string(line_number) +
                        ": expected " + std::to_string(problem.size()) + " or " + std::to_string(all) + " numbers");
        }
        if (words.size() == problem.size()) return {std::bit_cast<Problem>(problem), std::nullopt};
        return {std::bit_cast<Problem>(problem), algorithm};
    }

    static bool reproducible(const cublasLtMatmulAlgo_t& algorithm) {
        std::uint32_t scheme = 0;
        std::size_t written = 0;
        const cublasStatus_t status = cublasLtMatmulAlgoConfigGetAttribute(
            &algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme, sizeof scheme, &written);
        return status == CUBLAS_STATUS_SUCCESS &&
               (scheme == CUBLASLT_REDUCTION_SCHEME_NONE || scheme == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
    }

    [[nodiscard]] bool times(const Context& context) const {
        return choice_ == Choice::timed && !settled_ && !context.recording;
    }

    /// Whether it does on this device.
    [[nodiscard]] bool take_imported(std::vector<Algorithm>& entry, cublasLtHandle_t library, const Product& product,
                                     const cublasLtMatmulAlgo_t& algorithm) {
        const Descriptors d(product);
        cublasLtMatmulHeuristicResult_t result{};
        const cublasStatus_t status =
            cublasLtMatmulAlgoCheck(library, d.product(), d.a(), d.b(), d.c(), d.d(), &algorithm, &result);
        if (status == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= library_workspace_bytes) {
            entry.emplace_back(product, algorithm, result.workspaceSize);
            return true;
        }
        const std::string why = status == CUBLAS_STATUS_SUCCESS
                                    ? "wants " + std::to_string(result.workspaceSize) + " bytes, expected at most " +
                                          std::to_string(library_workspace_bytes)
                                    : "does not run here: " + std::string(cublasLtGetStatusString(status));
        notes_.push_back(describe(product) + ": its imported algorithm " + why +
                         "; another is chosen, so that results are not the same bits");
        return false;
    }

    /// What the library offers, the best by its own estimate first. None is no error: not every problem has one.
    std::vector<Algorithm> candidates(cublasLtHandle_t library, const Product& product) {
        const Problem problem = Problem::of(product);
        const auto what = [&] { return describe(product) + ": looking for an algorithm"; };
        const detail::OwnedPreference preference(what, cublasLtMatmulPreferenceCreate);
        const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
            check(cublasLtMatmulPreferenceSetAttribute(preference.get(), attribute, &value, sizeof value), what);
        };
        prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{library_workspace_bytes});
        prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
        prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(problem.rhs_alignment));
        prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(problem.lhs_alignment));
        prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(problem.base_alignment));
        prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(problem.out_alignment));

        const Descriptors d(product);
        std::array<cublasLtMatmulHeuristicResult_t, most_candidates> results{};
        int count = 0;
        const cublasStatus_t status =
            cublasLtMatmulAlgoGetHeuristic(library, d.product(), d.a(), d.b(), d.c(), d.d(), preference.get(),
                                           most_candidates, results.data(), &count);
        if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
        if (status == CUBLAS_STATUS_INVALID_VALUE) {
            // Descriptors that contradict each other: lamina's mistake, which a slower way must not hide.
            notes_.push_back(describe(product) + ": cuBLASLt holds it to be wrong; it is made in another way");
            return {};
        }
        check(status, what);
        std::vector<Algorithm> usable;
        for (int i = 0; i < count; ++i) {
            const auto& result = results[static_cast<std::size_t>(i)];
            if (result.state != CUBLAS_STATUS_SUCCESS || result.workspaceSize > library_workspace_bytes) continue;
            if (reproducible(result.algo)) usable.emplace_back(product, result.algo, result.workspaceSize);
        }
        return usable;
    }

    void choose(std::vector<Algorithm>& entry, Context& context, cublasLtHandle_t library, const Product& product,
                bool timed) {
        std::vector<Algorithm> usable = candidates(library, product);
        if (usable.empty()) return;
        const std::optional<std::size_t> best =
            timed && usable.size() > 1 ? quickest_of(usable, context, library, product) : 0;
        if (best) entry.push_back(std::move(usable[*best]));
    }

    /// Runs every candidate on the real operands. Nothing where none of them runs after all.
    static std::optional<std::size_t> quickest_of(std::vector<Algorithm>& usable, Context& context,
                                                  cublasLtHandle_t library, const Product& product) {
        Memory instead;  // of an output that must not be added to more than once
        Product trial = product;
        if (product.in_place()) {
            try {
                instead = context.allocate(product.out.rows * product.out.stride * size_of(product.out.type));
            } catch (const DeviceError&) {
                return 0;  // with no memory to time in, the library's estimate has to do
            }
            trial.out.data = trial.base.data = instead.data();
        }
        void* const workspace = context.scratch<std::byte>(Scratch::library, library_workspace_bytes);
        cublasStatus_t failed = CUBLAS_STATUS_NOT_SUPPORTED;
        const auto best = quickest(context, usable.size(), [&](std::size_t i) {
            const cublasStatus_t status = usable[i].run(library, trial, workspace, context.stream());
            if (status != CUBLAS_STATUS_SUCCESS && status != CUBLAS_STATUS_NOT_SUPPORTED) failed = status;
            return status == CUBLAS_STATUS_SUCCESS;
        });
        if (!best && failed != CUBLAS_STATUS_NOT_SUPPORTED) {
            check(failed, [&] { return describe(product) + ": timing its algorithms"; });
        }
        return best;
    }

    Choice choice_;
    std::map<Problem, std::vector<Algorithm>> chosen_;  // each holds one algorithm, or none where there is none
    Table imported_;
    bool settled_ = false;
    std::vector<std::string> notes_;
};

}  // namespace lamina::cuda
