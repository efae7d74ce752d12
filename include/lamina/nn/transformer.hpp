// SPDX-License-Identifier: MIT
// Transformer: a decoder-only language model made of any block type, with its parameters, gradients and workspace.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
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
#include <lamina/core/expects.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/detail/download_rows.hpp>
#include <lamina/nn/initialise.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/loss.hpp>
#include <lamina/nn/loss_head.hpp>
#include <lamina/nn/parameter_store.hpp>
#include <lamina/nn/pass.hpp>
#include <lamina/nn/pass_start.hpp>
#include <lamina/nn/planned_memory.hpp>
#include <lamina/nn/replay_key.hpp>
#include <lamina/nn/workspace.hpp>

namespace lamina {

namespace detail {

template <std::size_t Vocab, std::size_t Embed, class P, bool Present>
struct OwnHeadWeight {
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
};
template <std::size_t Vocab, std::size_t Embed, class P>
struct OwnHeadWeight<Vocab, Embed, P, true> {
    Parameter<P, Role::head, Vocab, Embed> weight{Initial::normal(0.02)};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", weight);
    }
};

template <std::size_t Vocab, class P, bool Present>
struct OwnHeadBias {
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
};
template <std::size_t Vocab, class P>
struct OwnHeadBias<Vocab, P, true> {
    Parameter<P, Role::head, Vocab> bias{};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("bias", bias);
    }
};

}  // namespace detail

/// logits = head(final_norm(block_{L-1}(… block_0(token_table[id] + position_table[t])))).
///
/// shapes   ids [B, T], T ≤ context -> logits [B·T, V]
/// memory   parameters and gradients on construction; activations by `reserve`, or by the first larger batch
/// threads  one call at a time
template <class D, class P, class BlockLayer, class FinalNormLayer>
class Transformer {
    static constexpr Architecture A = D::architecture;

public:
    static constexpr Architecture architecture = A;
    using Policies = P;
    using Block = BlockLayer;
    using FinalNorm = FinalNormLayer;
    using Backend = BackendFor<typename P::Device>;
    using Scalar = typename P::Activation;
    using StreamScalar = typename P::Stream;
    using Compute = typename P::Compute;
    using Gradient = typename P::Gradient;

    /// Logits of some rows, on the device, and memory for as many targets and losses.
    struct LogitsChunk {
        std::size_t first;           ///< of the rows that were asked for
        MatrixView<Compute> logits;  ///< [count, V]
        Token* targets;              ///< [count]
        Compute* losses;             ///< [count]
    };

    /// Everything that has parameters, in the order of the manifest.
    struct Layers {
        Parameter<P, Role::embedding, A.vocab, A.embed> token_table{Initial::normal(0.02)};
        Parameter<P, Role::embedding, A.context, A.embed> position_table{Initial::normal(0.02)};
        std::array<Block, A.layers> blocks{};
        FinalNorm final_norm{};
        [[no_unique_address]] detail::OwnHeadWeight<A.vocab, A.embed, P, P::Head::own_weight> head_weight{};
        [[no_unique_address]] detail::OwnHeadBias<A.vocab, P, P::Head::own_bias> head_bias{};

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor("wte.weight", token_table);
            visitor("wpe.weight", position_table);
            visitor("h", blocks);
            visitor(detail::name_or<FinalNorm>("norm"), final_norm);
            visitor("lm_head", head_weight);
            visitor("lm_head", head_bias);
        }
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

    /// Says that parameter values were written, so that what is materialised from them must be made again.
    void parameters_changed() { stale_ = true; }

    /// The token id that norms may treat apart (reference 5.3); -1 for none.
    void set_end_of_text(Token id) { end_of_text_ = id; }

    /// Allocates activations for batches up to this extent. Throws ArgumentError when the sequence exceeds the context,
    /// and what the backend throws when there is not enough memory, with the plan's number.
    void reserve(Extent extent, Use use) {
        if (extent.sequence > A.context || extent.tokens() == 0) {
            throw ArgumentError("lamina: sequence of " + std::to_string(extent.sequence) + " tokens × " +
                                std::to_string(extent.batch) + ": expected 1 to " + std::to_string(A.context) +
                                " tokens and at least one sequence");
        }
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
    }

    /// Forward and backward over one micro-batch: adds the gradient of share · (mean loss + auxiliary) to the
    /// gradients.
    ///
    /// Nothing answers to the host between the upload of the batch and the download of its losses, unless there is an
    /// auxiliary loss or a layer must know what it measures. Otherwise the backend may repeat what it did for a
    /// micro-batch of the same extent, but for the loss: how many tokens carry one differs from batch to batch.
    StepLoss backward(const TokenBatch& batch, MicroBatch micro = {}) {
        const Extent extent = start(batch, Use::train);
        const double scale = loss_rows_.rows.empty() ? 0 : micro.share / static_cast<double>(loss_rows_.rows.size());
        begin(Phase::train, extent);
        if (micro.auxiliary_weight != 0) key_.forbid();
        queue(PassPart::forward, [&] { forward_layers(make_pass(extent, Phase::train)); });
        // The hidden states are read chunk by chunk before their gradient is written, but a chunk's rows may be
        // anywhere: so the gradient has its own buffer.
        loss_through_head(*backend_, workspace_, Tokens<const Scalar, A.embed>(workspace_.normalised), output_head(),
                          loss_rows_.rows.size(), scale, body_trains ? d_normalised() : Activations{});
        StepLoss loss{};
        if constexpr (body_trains) {
            queue(PassPart::backward, [&] { backward_body(make_pass(extent, Phase::train), micro, loss); });
        }
        incomplete_ = true;
        loss.cross_entropy = read_losses();
        end();
        return loss;
    }

    /// The gradients of everything that trains in one role, padding included, complete: one row. Empty when frozen,
    /// and for adapters with gradients::Streamed.
    [[nodiscard]] MatrixView<Gradient> gradients(Role role) {
        complete_gradients();
        return store_.gradients(role);
    }

    /// Does what is left to do once per step after the last `backward`: the chain rule through what was materialised.
    void complete_gradients() {
        if (incomplete_) complete_all_gradients(layers_, *backend_);
        incomplete_ = false;
    }

    /// The loss of a batch, without side effects unless a norm's tracking asks for them.
    LossSum evaluate(const TokenBatch& batch) {
        const Extent extent = start(batch, Use::evaluate);
        begin(Phase::evaluate, extent);
        queue(PassPart::forward, [&] { forward_layers(make_pass(extent, Phase::evaluate)); });
        loss_through_head(*backend_, workspace_, Tokens<const Scalar, A.embed>(workspace_.normalised), frozen_head(),
                          loss_rows_.rows.size(), 1, Activations{});
        const LossSum loss = read_losses();
        end();
        return loss;
    }

    /// As `evaluate`; the loss of each position goes to `losses` [B·T], 0 where there is none.
    LossSum evaluate(const TokenBatch& batch, std::span<Compute> losses) {
        LAMINA_EXPECTS(losses.size() == batch.inputs.size(), "evaluate: one loss per input token");
        const LossSum sum = evaluate(batch);
        std::fill(losses.begin(), losses.end(), Compute(0));
        for (std::size_t i = 0; i < loss_rows_.rows.size(); ++i) losses[loss_rows_.rows[i]] = token_losses_[i];
        return sum;
    }

    /// Logits of the last `count` positions of every sequence into `out` [B · count, V] on the host.
    void logits(std::span<const Token> ids, Extent extent, std::size_t count, std::span<Compute> out) {
        LAMINA_EXPECTS(count <= extent.sequence && out.size() == extent.batch * count * A.vocab,
                       "logits: out must hold batch · count · vocab scalars");
        std::vector<Token> wanted(extent.tokens(), ignored_target);
        for (std::size_t i = 0; i < extent.tokens(); ++i) {
            if (i % extent.sequence >= extent.sequence - count) wanted[i] = 0;
        }
        start({.batch = extent.batch, .sequence = extent.sequence, .inputs = ids, .targets = wanted}, Use::evaluate);
        begin(Phase::evaluate, extent);
        queue(PassPart::forward, [&] { forward_layers(make_pass(extent, Phase::evaluate)); });
        end();
        const std::size_t rows = loss_rows_.rows.size();
        for (std::size_t first = 0; first < rows; first += workspace_.head_in.count()) {
            const std::size_t here = std::min(workspace_.head_in.count(), rows - first);
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
        backend_->upload(workspace_.ids, cache.ids().data(), extent.tokens() * sizeof(Token));
        // The room for row numbers is not needed before the head.
        backend_->upload(workspace_.rows, cache.positions().data(), extent.tokens() * sizeof(std::size_t));
        Pass<Backend> pass = make_pass(extent, Phase::infer);
        pass.positions = workspace_.rows;
        pass.packed = &cache;
        embed(pass);
        for (std::size_t i = 0; i < A.layers; ++i) {
            cache.enter_block(i);
            forward_block(pass, i);
            cache.leave_block();
        }
        if (rows.empty()) return;
        layers_.final_norm.forward(pass, last_stream(), workspace_.normalised, workspace_.final_saved);
        for (std::size_t first = 0; first < rows.size(); first += workspace_.head_in.count()) {
            const std::size_t here = std::min(workspace_.head_in.count(), rows.size() - first);
            // Chunk by chunk: there may be more rows than tokens, for which there is room.
            backend_->upload(workspace_.rows, rows.data() + first, here * sizeof(std::size_t));
            read(LogitsChunk{first, logits_of(0, here), workspace_.targets, workspace_.losses});
        }
    }

    /// The residual stream after `block` blocks (0: the embeddings) in the last training pass, [B·T, C], on the device.
    [[nodiscard]] Tokens<const StreamScalar, A.embed> stream(std::size_t block) const {
        return workspace_.streams.at(block);
    }

    /// Throws ArgumentError for what is no token of the vocabulary.
    static void check_token(Token id) {
        if (id < 0 || static_cast<std::size_t>(id) >= A.vocab) {
            throw ArgumentError("lamina: token " + std::to_string(id) + ": expected 0 to " +
                                std::to_string(A.vocab - 1) + "; was the text encoded with this model's tokenizer?");
        }
    }

    /// Makes what is materialised from parameters, if they changed.
    void prepare() {
        if (stale_) materialise_all(layers_, *backend_);
        stale_ = false;
    }

private:
    using Stream = Tokens<StreamScalar, A.embed>;
    using Activations = Tokens<Scalar, A.embed>;
    static_assert(sizeof(Scalar) <= sizeof(StreamScalar),
                  "lamina: precision: activations in a wider type than the residual stream; give the stream theirs");
    static constexpr bool embedding_trains = P::trains(Role::embedding);
    static constexpr bool blocks_train = has_trainable<Block>();
    static constexpr bool body_trains = embedding_trains || blocks_train || has_trainable<FinalNorm>();

    Extent start(const TokenBatch& batch, Use use) {
        const Extent extent{batch.batch, batch.sequence};
        LAMINA_EXPECTS(batch.inputs.size() == extent.tokens() && batch.targets.size() == extent.tokens(),
                       "Transformer: inputs and targets must have batch · sequence tokens");
        reserve(extent, use);
        for (const Token id : batch.inputs) check_token(id);
        loss_rows_.collect(batch.targets);
        for (const Token id : loss_rows_.targets) check_token(id);
        token_losses_.resize(std::max(token_losses_.size(), loss_rows_.rows.size()));
        backend_->upload(workspace_.ids, batch.inputs.data(), extent.tokens() * sizeof(Token));
        backend_->upload(workspace_.rows, loss_rows_.rows.data(), loss_rows_.rows.size() * sizeof(std::size_t));
        backend_->upload(workspace_.targets, loss_rows_.targets.data(), loss_rows_.targets.size() * sizeof(Token));
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
                .measured = phase == Phase::infer ? nullptr : workspace_.measured};
    }

    Tokens<const StreamScalar, A.embed> last_stream() const { return workspace_.streams[A.layers]; }

    /// The gradient of the final norm's output, in memory that the stream's gradient needs only after it.
    Activations d_normalised() {
        const Stream room = workspace_.d_streams[0];
        return {reinterpret_cast<Scalar*>(room.data()), room.count()};
    }

    /// Lets the layers decide what they do in this pass, and makes the key of its work: the type of the model, where
    /// everything lies, and what else a pass is told.
    void begin(Phase phase, Extent extent) {
        key_.clear();
        key_.add(&kind, phase, extent.batch, extent.sequence, end_of_text_, workspace_memory_.data());
        store_.for_each_region([&](const std::byte* place) { key_.add(place); });
        PassStart start{.phase = phase, .key = key_};
        begin_pass_of_all(layers_, start);
        measured_ = start.measured;
    }

    /// `work` may not be called: what it does on the host must not matter unless the key forbids to repeat it.
    template <class Work>
    void queue(PassPart part, const Work& work) {
        if (key_.repeatable()) {
            backend_->replay(key_.words(part), work);
        } else {
            work();
        }
    }

    LossSum read_losses() {
        const std::span<Compute> losses = std::span(token_losses_).first(loss_rows_.rows.size());
        backend_->download(losses.data(), workspace_.losses, losses.size_bytes());
        return sum_of(std::span<const Compute>(losses));
    }

    /// Shows the layers what they have measured.
    void end() {
        std::array<double, Workspace<Transformer>::measured_numbers> numbers{};
        if constexpr (Workspace<Transformer>::measured_numbers != 0) {
            if (measured_ != 0) backend_->download(numbers.data(), workspace_.measured, measured_ * sizeof(double));
        }
        end_pass_of_all(layers_, std::span<const double>(numbers));
    }

    void embed(Pass<Backend>& pass) {
        backend_->embed(Embed<StreamScalar, typename P::Base>{.ids = workspace_.ids,
                                                              .extent = pass.extent,
                                                              .token_table = layers_.token_table.matrix(),
                                                              .position_table = layers_.position_table.matrix(),
                                                              .out = workspace_.streams[0].matrix(),
                                                              .positions = pass.positions});
    }

    /// Does what concerns block i, and says so in errors.
    template <class Work>
    static void in_block(std::size_t i, const Work& work) {
        try {
            work();
        } catch (Error& error) {
            error.append(", in block h." + std::to_string(i));
            throw;
        }
    }

    void forward_block(Pass<Backend>& pass, std::size_t i) {
        in_block(i, [&] {
            layers_.blocks[i].forward(pass, workspace_.streams[i], workspace_.streams[i + 1], workspace_.saved[i]);
        });
    }

    void forward_layers(Pass<Backend> pass) {
        embed(pass);
        for (std::size_t i = 0; i < A.layers; ++i) forward_block(pass, i);
        layers_.final_norm.forward(pass, last_stream(), workspace_.normalised, workspace_.final_saved);
    }

    /// Of workspace_.rows[first, first + count): [count, V].
    MatrixView<Compute> logits_of(std::size_t first, std::size_t count) {
        const MatrixView<Scalar> hidden = workspace_.head_in.first(count).matrix();  // [count, C]
        const MatrixView<Compute> logits = workspace_.logits_of(count);              // [count, V]
        backend_->gather_rows(hidden, MatrixView<const Scalar>(workspace_.normalised.matrix()),
                              workspace_.rows + first);
        output_logits(*backend_, MatrixView<const Scalar>(hidden), frozen_head(), logits);
        return logits;
    }

    /// From the gradient of the final norm's output, in d_streams[0], down to the lowest layer that trains.
    void backward_body(Pass<Backend> pass, MicroBatch micro, StepLoss& loss) {
        std::size_t here = 0;
        const auto below = [&](bool wanted) { return wanted ? workspace_.d_streams[1 - here] : Stream{}; };
        const Stream d_last = below(blocks_train || embedding_trains);
        layers_.final_norm.backward(pass, last_stream(), workspace_.final_saved,
                                    Tokens<const Scalar, A.embed>(d_normalised()), d_last);
        if (d_last.empty()) return;
        here = 1 - here;
        if (micro.auxiliary_weight != 0) loss.auxiliary = add_auxiliary(pass, micro, workspace_.d_streams[here]);
        for (std::size_t i = A.layers; i-- > 0;) {
            if constexpr (P::Recompute::per_block) {
                pass.phase = Phase::recompute;
                forward_block(pass, i);
            }
            const Stream d_below = below(embedding_trains || (i > 0 && blocks_train));
            in_block(i, [&] {
                layers_.blocks[i].backward(pass, workspace_.streams[i], workspace_.saved[i],
                                           Tokens<const StreamScalar, A.embed>(workspace_.d_streams[here]), d_below);
            });
            if (d_below.empty()) return;
            here = 1 - here;
        }
        if constexpr (embedding_trains) {
            backend_->embed_backward(
                EmbedBackward<StreamScalar, Gradient>{.ids = workspace_.ids,
                                                      .extent = pass.extent,
                                                      .d_out = workspace_.d_streams[here].matrix(),
                                                      .d_token_table = layers_.token_table.d_matrix(),
                                                      .d_position_table = layers_.position_table.d_matrix()});
        }
    }

    /// weight · mean over tokens of (s - target)², target the mean deviation of ordinary tokens, without gradient.
    double add_auxiliary(Pass<Backend>& pass, MicroBatch micro, Stream d_last) {
        const std::size_t n = pass.extent.tokens();
        Compute* const mean = workspace_.moments.data();
        Compute* const deviation = mean + n;
        backend_->row_moments(RowMoments<StreamScalar>{
            .x = last_stream().matrix(), .mean = mean, .deviation = deviation, .epsilon = norm_epsilon_of_auxiliary});
        std::vector<Compute> s(n);
        std::vector<Token> ids(n);
        backend_->download(s.data(), deviation, n * sizeof(Compute));
        backend_->download(ids.data(), workspace_.ids, n * sizeof(Token));
        double sum = 0;
        std::size_t count = 0;
        for (std::size_t i = 0; i < n; ++i) {
            if (i % pass.extent.sequence == 0 || ids[i] == end_of_text_) continue;
            sum += static_cast<double>(s[i]);
            ++count;
        }
        const double target = count == 0 ? 1 : sum / static_cast<double>(count);
        double penalty = 0;
        for (const Compute value : s)
            penalty += (static_cast<double>(value) - target) * (static_cast<double>(value) - target);
        const double each = micro.auxiliary_weight / static_cast<double>(n);
        backend_->deviation_penalty_backward(DeviationPenaltyBackward<StreamScalar>{.x = last_stream().matrix(),
                                                                                    .mean = mean,
                                                                                    .deviation = deviation,
                                                                                    .d_x = d_last.matrix(),
                                                                                    .target = target,
                                                                                    .scale = micro.share * each});
        return each * penalty;
    }

    [[nodiscard]] auto output_head() {
        OutputHead<typename P::Base, Gradient> head = frozen_head();
        if constexpr (P::Head::own_weight) {
            head.d_weight = P::trains(Role::head) ? layers_.head_weight.weight.d_matrix() : MatrixView<Gradient>{};
        } else {
            head.d_weight = embedding_trains ? layers_.token_table.d_matrix() : MatrixView<Gradient>{};
        }
        if constexpr (P::Head::own_bias) head.d_bias = layers_.head_bias.bias.gradient;
        return head;
    }

    [[nodiscard]] OutputHead<typename P::Base, Gradient> frozen_head() {
        OutputHead<typename P::Base, Gradient> head{};
        if constexpr (P::Head::own_weight) {
            head.weight = layers_.head_weight.weight.matrix();
        } else {
            head.weight = layers_.token_table.matrix();
        }
        if constexpr (P::Head::own_bias) head.bias = layers_.head_bias.bias.values;
        return head;
    }

    static constexpr double norm_epsilon_of_auxiliary = 1e-5;  // reference 5.5
    static constexpr char kind = 0;  // its address tells this type of model from others with the same memory

    Backend* backend_;
    Layers layers_{};
    ParameterStore<Layers, Gradient, Backend> store_;
    typename Backend::Memory workspace_memory_{};
    Workspace<Transformer> workspace_{};
    Extent placed_{};
    Use placed_use_ = Use::evaluate;
    ReplayKey key_{};
    std::size_t measured_ = 0;  // numbers of workspace_.measured that layers leave in the pass that has begun
    LossRows loss_rows_{};
    std::vector<Compute> token_losses_{};
    Token end_of_text_ = -1;
    bool stale_ = true;
    bool incomplete_ = false;
};

}  // namespace lamina
