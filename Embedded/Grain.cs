using Orleans.Runtime;

namespace Orleans.Runtime
{
    /// <summary>One activation of a grain, as its own code may see it.</summary>
    public interface IGrainContext
    {
        GrainId GrainId { get; }

        /// <summary>Null until the grain is constructed.</summary>
        object? GrainInstance { get; }

        /// <summary>The services of this activation: a scope that ends with it.</summary>
        IServiceProvider ActivationServices { get; }

        /// <summary>Starts deactivation as soon as no request is running. Later calls change nothing.</summary>
        void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default);
    }
}

namespace Orleans
{
    /// <summary>What the extension methods of grains extend. Grain classes derive from <see cref="Grain"/>.</summary>
    public interface IGrainBase
    {
        IGrainContext GrainContext { get; }
    }

    /// <summary>The base of grain classes.</summary>
    public abstract class Grain : IGrainBase, IAddressable
    {
        private readonly Activation? activation = Activation.Current;

        public IGrainContext GrainContext => Activation;

        public string IdentityString => Activation.GrainId.ToString();

        protected IGrainFactory GrainFactory => Activation.Class.Runtime;

        protected internal IServiceProvider ServiceProvider => Activation.ActivationServices;

        internal Activation Activation =>
            activation ?? throw new InvalidOperationException("The grain was constructed outside the runtime.");

        /// <summary>Completes before the first request. When it throws, the waiting calls fail with its exception and the activation is gone.</summary>
        public virtual Task OnActivateAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        /// <summary>Best effort: it does not run when the process dies or the activation never became valid.</summary>
        public virtual Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => Task.CompletedTask;

        /// <summary>Deactivates after the running requests; queued requests go to a new activation.</summary>
        protected void DeactivateOnIdle() =>
            Activation.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, $"{nameof(DeactivateOnIdle)} was called."));

        /// <summary>Keeps the activation from being collected for a while; zero or less takes that back, infinite or the maximum is for good.</summary>
        protected void DelayDeactivation(TimeSpan timeSpan) => Activation.DelayDeactivation(timeSpan);
    }

    public static class GrainExtensions
    {
        public static string GetPrimaryKeyString(this IAddressable grain) => AddressOf(grain).Key;

        public static GrainId GetGrainId(this IAddressable grain)
        {
            var (grainClass, key) = AddressOf(grain);
            return GrainId.Create(grainClass.Name, key);
        }

        /// <summary>A reference to the grain itself, to hand to others.</summary>
        public static TGrainInterface AsReference<TGrainInterface>(this IAddressable grain)
        {
            var (grainClass, key) = AddressOf(grain);
            return (TGrainInterface)(object)grainClass.Runtime.ReferenceTo(typeof(TGrainInterface), key);
        }

        private static (GrainClass Class, string Key) AddressOf(IAddressable grain) => grain switch
        {
            Grain instance => (instance.Activation.Class, instance.Activation.Key),
            GrainReference reference => (reference.Class, reference.Key),
            _ => throw new ArgumentException($"{grain.GetType()} is neither a grain nor a reference to one.", nameof(grain)),
        };
    }

    public static class GrainBaseExtensions
    {
        /// <summary>
        /// Calls back as a turn of the grain, first after the due time, then each period after the previous callback completed.
        /// The timer ends with the activation.
        /// </summary>
        public static IGrainTimer RegisterGrainTimer<TState>(
            this IGrainBase grain, Func<TState, CancellationToken, Task> callback, TState state, GrainTimerCreationOptions options)
        {
            ArgumentNullException.ThrowIfNull(callback);
            return new GrainTimer<TState>((Activation)grain.GrainContext, callback, state, options);
        }

        public static IGrainTimer RegisterGrainTimer(
            this IGrainBase grain, Func<CancellationToken, Task> callback, GrainTimerCreationOptions options)
        {
            ArgumentNullException.ThrowIfNull(callback);
            return grain.RegisterGrainTimer(static (callback, cancellation) => callback(cancellation), callback, options);
        }

        public static IGrainTimer RegisterGrainTimer(
            this IGrainBase grain, Func<CancellationToken, Task> callback, TimeSpan dueTime, TimeSpan period) =>
            grain.RegisterGrainTimer(callback, new GrainTimerCreationOptions(dueTime, period));

        public static IGrainTimer RegisterGrainTimer<TState>(
            this IGrainBase grain, Func<TState, CancellationToken, Task> callback, TState state, TimeSpan dueTime, TimeSpan period) =>
            grain.RegisterGrainTimer(callback, state, new GrainTimerCreationOptions(dueTime, period));
    }

    public enum DeactivationReasonCode : byte
    {
        None = 0,
        ShuttingDown = 1,
        ActivationFailed = 2,
        DirectoryFailure = 3,
        ActivationIdle = 4,
        ActivationUnresponsive = 5,
        DuplicateActivation = 6,
        IncompatibleRequest = 7,
        ApplicationError = 8,
        ApplicationRequested = 9,
        Migrating = 10,
        RuntimeRequested = 11,
        HighMemoryPressure = 12,
    }

    public readonly struct DeactivationReason(DeactivationReasonCode code, Exception? exception, string text)
    {
        public DeactivationReason(DeactivationReasonCode code, string text) : this(code, null, text) { }

        public string Description { get; } = text;

        public DeactivationReasonCode ReasonCode { get; } = code;

        public Exception? Exception { get; } = exception;

        public override string ToString() =>
            Exception is null ? $"{ReasonCode}: {Description}" : $"{ReasonCode}: {Description}. Exception: {Exception}";
    }
}
