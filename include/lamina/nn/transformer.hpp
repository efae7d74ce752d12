// SPDX-License-Identifier: MIT
// Transformer: a decoder-only language model made of any block type, with its parameters, gradients and workspace.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/manifest.hpp>
#include <lamina/arch/parameter.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/decoder_layers.hpp>
#include <lamina/nn/detail/download_rows.hpp>
#include <lamina/nn/initialise.hpp>
#include <lamina/nn/loss.hpp>
#include <lamina/nn/loss_head.hpp>
#include <lamina/nn/run/detail/announced_pass.hpp>
#include <lamina/nn/run/detail/decoder_body.hpp>
#include <lamina/nn/run/detail/deviation_penalty.hpp>
#include <lamina/nn/run/detail/host_mirror.hpp>
#include <lamina/nn/run/detail/pass_checks.hpp>
#include <lamina/nn/run/once_per_step.hpp>
#include <lamina/nn/run/parameter_store.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/pass_start.hpp>
#include <lamina/nn/run/planned_memory.hpp>
#include <lamina/nn/run/replay_key.hpp>
#include <lamina/nn/run/workspace.hpp>

namespace lamina {

/// logits = head(final_norm(block_{L-1}(… block_0(token_table[id] + position_table[t])))).
///
/// Spec     architecture, Policies, Block and FinalNorm (nn/gpt2.hpp)
/// shapes   ids [B, T], T ≤ context -> logits [B·T, V]
/// memory   parameters and gradients on construction; activations by `reserve`, or by the first larger batch
/// threads  one call at a time
template <class Spec>
class Transformer {
    static constexpr Architecture A = Spec::architecture;
    using P = typename Spec::Policies;

public:
    static constexpr Architecture architecture = A;
    using Policies = P;
    using Block = typename Spec::Block;
    using FinalNorm = typename Spec::FinalNorm;
    using Backend = BackendFor<typename P::Device>;
    using Scalar = typename P::Activation;
    using StreamScalar = typename P::Stream;
    using Compute = typename P::Compute;
    using Gradient = typename P::Gradient;
    using Layers = DecoderLayers<Spec>;

    /// Logits of some rows, on the device, and memory for as many targets and losses.
    struct LogitsChunk {
        std::size_t first;           ///< of the rows that were asked for
        MatrixView<Compute> logits;  ///< [count, V]
        Rows<Token, 1> targets;      ///< [count]
        Rows<Compute, 1> losses;     ///< [count]
    };

    explicit Transformer(Backend& backend) : backend_(&backend), store_(backend, layers_) {}

    Transformer(Transformer&&) noexcept = default;
    Transformer& operator=(Transformer&&) noexcept = default;
    Transformer(const Transformer&) = delete;
    Transformer& operator=(const Transformer&) = delete;
    ~Transformer() = default;

    [[nodiscard]] Backend& backend() const { return *backend_; }
    /// The layers, to reach parameters and norm states. After writing values call `parameters_changed`.
    [[nodiscard]] Layers& layers() { return layers_; }

    /// Calls `f(BoundTensor)` for every parameter, in the order of the manifest, streamed gradients left out. After
    /// writing values call `parameters_changed`.
    template <class F>
    void for_each_tensor(const F& f) {
        store_.for_each_tensor(f);
    }
    /// The same for those that train, their gradients complete. With gradients::Streamed every call forms those of the
    /// adapters anew, 4·In·R·Out operations per linear layer, and each is there only while `f` sees it.
    template <class F>
    void for_each_trained_tensor(const F& f) {
        complete_gradients();
        store_.for_each_trained_tensor(*backend_, layers_, f);
    }
    /// The same for those that train, without gradients, so that none has to be formed.
    template <class F>
    void for_each_trained_value(const F& f) {
        store_.for_each_trained_value(f);
    }

    /// Fresh values for every parameter, or for the adapters only.
    void initialise(std::uint64_t seed, Which which = Which::all) {
        initialise_parameters(store_, *backend_, seed, A.layers, which);
        parameters_changed();
    }

    /// Says that parameter values were written, so that what is materialised from them must be made again and the
    /// gradients are not theirs.
    void parameters_changed() {
        stale_ = true;
        has_gradients_ = false;
    }

    /// The token id that norms may treat apart (docs/method.md, "Norms"); -1 for none. Where norms do and this was
    /// never called, `forward_backward` throws ArgumentError.
    void set_end_of_text(Token id) {
        end_of_text_ = id;
        end_of_text_told_ = true;
    }

    /// What it was told of that; nothing where it was not.
    [[nodiscard]] std::optional<Token> end_of_text() const {
        return end_of_text_told_ ? std::optional(end_of_text_) : std::nullopt;
    }

    /// Allocates activations for batches up to this extent. Throws ArgumentError when the sequence exceeds the context
    /// or there are more sequences than any memory holds, and what the backend throws when there is not enough memory,
    /// with the plan's number.
    void reserve(Extent extent, Use use) {
        check_extent(extent, use);
        const std::size_t bytes = Workspace<Transformer>::bytes(extent, use).total();
        if (bytes > workspace_memory_.size()) {
            workspace_memory_ = typename Backend::Memory();
            workspace_memory_ = allocate_planned(
                *backend_, bytes, bytes,
                "activations of " + std::to_string(extent.batch) + " × " + std::to_string(extent.sequence) + " tokens");
            placed_ = {};
        }
        if (placed_ == extent && placed_use_ == use) return;
        workspace_.place(workspace_memory_.data(), extent, use);
        placed_ = extent;
        placed_use_ = use;
    }

    /// Bytes of activation memory held now.
    [[nodiscard]] std::size_t workspace_bytes() const { return workspace_memory_.size(); }

    void zero_gradients() {
        store_.zero_gradients(*backend_, layers_);
        incomplete_ = false;
        has_gradients_ = false;
    }

    /// Whether there is something to update the parameters with: a `forward_backward` since gradients were zeroed and
    /// values last changed.
    [[nodiscard]] bool has_gradients() const { return has_gradients_; }
    /// Says that gradients were written by other means than `forward_backward`.
    void gradients_changed() { has_gradients_ = true; }

    /// Forward and backward over one micro-batch: adds the gradient of share · mean loss + auxiliary_share ·
    /// auxiliary to the gradients.
    ///
    /// Nothing answers to the host between the upload of the batch and the download of its losses, unless there is an
    /// auxiliary loss or a layer must know what it measures. Otherwise the backend may repeat what it did for a
    /// micro-batch of the same extent, but for the loss: how many tokens carry one differs from batch to batch.
    StepLoss forward_backward(const TokenBatch& batch, MicroBatch micro = {}) {
        const Extent extent = start(batch, Use::train);
        const double scale = loss_rows_.rows.empty() ? 0 : micro.share / static_cast<double>(loss_rows_.rows.size());
        begin(Phase::train, extent);
        if (micro.auxiliary_weight != 0) announced_.forbid_repeating();
        queue(PassPart::forward, [&] { body().forward(make_pass(extent, Phase::train)); });
        // The hidden states are read chunk by chunk before their gradient is written, but a chunk's rows may be
        // anywhere: so the gradient has its own buffer.
        loss_through_head(*backend_, workspace_, Rows<const Scalar, A.embed>(workspace_.normalised),
                          layers_.training_head(), loss_rows_.rows.size(), scale,
                          Body::trains ? body().d_normalised() : Activations{});
        StepLoss loss{};
        if constexpr (Body::trains) {
            queue(PassPart::backward, [&] {
                body().backward(make_pass(extent, Phase::train), [&](Pass<Backend>& pass, Stream d_last) {
                    if (micro.auxiliary_weight != 0) loss.auxiliary = add_auxiliary(pass, micro, d_last);
                });
            });
        }
        incomplete_ = true;
        has_gradients_ = true;
        loss.cross_entropy = read_results();
        return loss;
    }

    /// The gradients of everything that trains in one role, padding included, complete: one row. Empty when frozen,
    /// and for adapters with gradients::Streamed.
    [[nodiscard]] MatrixView<Gradient> gradients(Role role) {
        complete_gradients();
        return store_.gradients(role);
    }

    /// Does what is left to do once per step after the last `forward_backward`: the chain rule through what was
    /// materialised.
    void complete_gradients() {
        if (incomplete_) complete_all_gradients(layers_, *backend_);
        incomplete_ = false;
    }

    /// The loss of a batch, without side effects unless a layer's state asks for them.
    LossSum evaluate(const TokenBatch& batch) {
        const Extent extent = start(batch, Use::evaluate);
        begin(Phase::evaluate, extent);
        queue(PassPart::forward, [&] { body().forward(make_pass(extent, Phase::evaluate)); });
        loss_through_head(*backend_, workspace_, Rows<const Scalar, A.embed>(workspace_.normalised),
                          layers_.frozen_head(), loss_rows_.rows.size(), 1, Activations{});
        return read_results();
    }

    /// As `evaluate`; the loss of each position goes to `losses` [B·T], 0 where there is none.
    ///
    /// errors   ArgumentError when `losses` has room for another number
    LossSum evaluate(const TokenBatch& batch, std::span<Compute> losses) {
        if (losses.size() != batch.inputs.size()) {
            throw ArgumentError("lamina: evaluate: room for " + std::to_string(losses.size()) + " losses, expected " +
                                std::to_string(batch.inputs.size()) + ", one per input token");
        }
        const LossSum sum = evaluate(batch);
        std::fill(losses.begin(), losses.end(), Compute(0));
        const std::span<const Compute> of_tokens = results_.of(workspace_.losses);
        for (std::size_t i = 0; i < loss_rows_.rows.size(); ++i) losses[loss_rows_.rows[i]] = of_tokens[i];
        return sum;
    }

    /// Logits of the last `count` positions of every sequence into `out` [B · count, V] on the host.
    ///
    /// errors   ArgumentError when ids or `out` are not as many as extent and count say, or a sequence has fewer than
    ///          `count` positions
    void logits(std::span<const Token> ids, Extent extent, std::size_t count, std::span<Compute> out) {
        check_extent(extent, Use::evaluate);
        detail::check_logits(ids.size(), extent, count, out.size(), A.vocab);
        std::vector<Token> wanted(extent.tokens(), ignored_target);
        for (std::size_t i = 0; i < extent.tokens(); ++i) {
            if (i % extent.sequence >= extent.sequence - count) wanted[i] = 0;
        }
        start({ids, wanted, extent.sequence}, Use::evaluate);
        begin(Phase::evaluate, extent);
        queue(PassPart::forward, [&] { body().forward(make_pass(extent, Phase::evaluate)); });
        end_pass(0);
        const std::size_t rows = loss_rows_.rows.size();
        for (std::size_t first = 0; first < rows; first += workspace_.head_in.rows) {
            const std::size_t here = std::min(workspace_.head_in.rows, rows - first);
            const MatrixView<Compute> chunk = logits_of(first, here);  // [here, V]
            detail::download_rows(*backend_, out.data() + first * A.vocab, chunk);
        }
    }

    /// A forward pass over packed segments, which `cache`, a detail::PackedPass, has begun: what `score` and `logits`
    /// (score.hpp) are made of. Then calls `read` with the logits of rows[0..], which may repeat, chunk by chunk;
    /// its targets and losses are room for whoever computes losses of them.
    template <class Cache, class Read>
    void forward_packed(Cache& cache, std::span<const std::size_t> rows, const Read& read) {
        const Extent extent{cache.ids().size(), 1};
        for (const Token id : cache.ids()) check_token(id);
        if (extent.tokens() == 0) return;
        reserve(extent, Use::evaluate);
        prepare();
        // The room for row numbers is not needed before the head.
        upload_indices(cache.ids(), cache.positions(), {});
        Pass<Backend> pass = make_pass(extent, Phase::infer);
        pass.positions = workspace_.rows.first_rows(extent.tokens());
        const PackedAttentions attentions = cache.attentions();
        pass.packed = &attentions;
        Body decoder = body();
        decoder.embed(pass);
        for (std::size_t i = 0; i < A.layers; ++i) {
            cache.enter_block(i);
            decoder.forward_block(pass, i);
            cache.leave_block();
        }
        if (rows.empty()) return;
        decoder.normalise_last(pass);
        for (std::size_t first = 0; first < rows.size(); first += workspace_.head_in.rows) {
            const std::size_t here = std::min(workspace_.head_in.rows, rows.size() - first);
            // Chunk by chunk: there may be more rows than tokens, for which there is room.
            backend_->upload(workspace_.rows.data, rows.data() + first, here * sizeof(std::size_t));
            read(LogitsChunk{first, logits_of(0, here), workspace_.targets.first_rows(here),
                             workspace_.losses.first_rows(here)});
        }
    }

    /// The residual stream after `block` blocks (0: the embeddings) in the last training pass, [B·T, C], on the device.
    ///
    /// errors   ArgumentError when there are not so many blocks
    [[nodiscard]] Rows<const StreamScalar, A.embed> stream(std::size_t block) const {
        if (block > A.layers) {
            throw ArgumentError("lamina: stream: " + std::to_string(block) + " blocks, expected 0 to " +
                                std::to_string(A.layers));
        }
        return workspace_.streams[block];
    }

    /// Throws ArgumentError for what is no token of the vocabulary.
    static void check_token(Token id) { detail::check_token(id, A.vocab); }

    /// Makes what is materialised from parameters, if they changed.
    void prepare() {
        if (stale_) materialise_all(layers_, *backend_);
        stale_ = false;
    }

private:
    using Stream = Rows<StreamScalar, A.embed>;
    using Activations = Rows<Scalar, A.embed>;
    static_assert(sizeof(Scalar) <= sizeof(StreamScalar),
                  "lamina: precision: activations in a wider type than the residual stream; give the stream theirs");
    using Body = detail::DecoderBody<Transformer>;

    static void check_extent(Extent extent, Use use) {
        detail::check_extent(extent, A.context, [use](std::size_t sequence) {
            return Workspace<Transformer>::bytes({1, sequence}, use).total();
        });
    }

    [[nodiscard]] Body body() { return Body(layers_, workspace_); }

    Extent start(const TokenBatch& batch, Use use) {
        const Extent extent{batch.batch, batch.sequence};
        reserve(extent, use);
        for (const Token id : batch.inputs) check_token(id);
        loss_rows_.collect(batch.targets);
        for (const Token id : loss_rows_.targets) check_token(id);
        upload_indices(batch.inputs, loss_rows_.rows, loss_rows_.targets);
        prepare();
        return extent;
    }

    Pass<Backend> make_pass(Extent extent, Phase phase) {
        return {.backend = *backend_,
                .extent = extent,
                .ids = workspace_.ids,
                .phase = phase,
                .end_of_text = end_of_text_,
                .scratch = ScratchStack(workspace_.scratch),
                .measured = phase == Phase::infer ? Rows<double, 1>{} : workspace_.measured};
    }

    /// The key of a pass: the type of the model, where everything lies, and what else a pass is told.
    void begin(Phase phase, Extent extent) {
        announced_.begin(layers_, phase, end_of_text_told_, [&](ReplayKey& key) {
            key.add(&kind, phase, extent.batch, extent.sequence, end_of_text_, workspace_memory_.data());
            store_.for_each_region([&](const std::byte* place) { key.add(place); });
        });
    }

    template <class Work>
    void queue(PassPart part, const Work& work) {
        announced_.queue(*backend_, part, work);
    }

    void upload_indices(std::span<const Token> ids, std::span<const std::size_t> rows, std::span<const Token> targets) {
        indices_.cover(workspace_.indices);
        indices_.set(workspace_.ids, ids);
        indices_.set(workspace_.rows, rows);
        indices_.set(workspace_.targets, targets);
        indices_.upload(*backend_);
    }

    /// The sum of the losses of a pass, which is done then.
    LossSum read_results() {
        const std::size_t count = loss_rows_.rows.size();
        end_pass(count);
        return sum_of(std::span<const Compute>(results_.of(workspace_.losses).first(count)));
    }

    /// Reads the first `losses` of a pass and what its layers measured, and shows them that.
    void end_pass(std::size_t losses) {
        results_.cover(workspace_.results);
        const auto* const end = reinterpret_cast<const std::byte*>(workspace_.losses.data + losses);
        if (losses != 0 || announced_.measured() != 0) {
            results_.download(*backend_, static_cast<std::size_t>(end - workspace_.results.data()));
        }
        end_pass_of_all(layers_, std::span<const double>(results_.of(workspace_.measured)));
    }

    /// Of workspace_.rows[first, first + count): [count, V].
    MatrixView<Compute> logits_of(std::size_t first, std::size_t count) {
        const MatrixView<Scalar> hidden = workspace_.head_in.first_rows(count);  // [count, C]
        backend_->run(GatherRows(hidden, workspace_.normalised, workspace_.rows.middle_rows(first, count)));
        output_logits(*backend_, MatrixView<const Scalar>(hidden), layers_.frozen_head(),
                      workspace_.padded_logits_of(count));
        return workspace_.logits_of(count);
    }

    double add_auxiliary(Pass<Backend>& pass, MicroBatch micro, Stream d_last) {
        return detail::add_deviation_penalty(
            pass, micro, body().last_stream(),
            detail::RowMomentsRoom<Compute>{.mean = workspace_.mean, .deviation = workspace_.deviation}, d_last);
    }

    static constexpr char kind = 0;  // its address tells this type of model from others with the same memory

    Backend* backend_;
    Layers layers_{};
    ParameterStore<Layers, Gradient, Backend> store_;
    typename Backend::Memory workspace_memory_{};
    Workspace<Transformer> workspace_{};
    Extent placed_{};
    Use placed_use_ = Use::evaluate;
    detail::AnnouncedPass announced_{};
    LossRows loss_rows_{};
    detail::HostMirror indices_{};
    detail::HostMirror results_{};
    Token end_of_text_ = -1;
    bool end_of_text_told_ = false;
    bool stale_ = true;
    bool incomplete_ = false;
    bool has_gradients_ = false;
};

}  // namespace lamina
