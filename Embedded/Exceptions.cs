namespace Orleans.Runtime
{
    /// <summary>The base of what the runtime itself throws.</summary>
    public class OrleansException : Exception
    {
        public OrleansException() : base("Unexpected error.") { }

        public OrleansException(string message) : base(message) { }

        public OrleansException(string message, Exception? innerException) : base(message, innerException) { }
    }

    /// <summary>A call was refused before its grain saw it.</summary>
    public class OrleansMessageRejectionException : OrleansException
    {
        public OrleansMessageRejectionException() { }

        public OrleansMessageRejectionException(string message) : base(message) { }

        public OrleansMessageRejectionException(string message, Exception? innerException) : base(message, innerException) { }
    }

    /// <summary>The runtime is stopping or has stopped.</summary>
    public sealed class SiloUnavailableException : OrleansMessageRejectionException
    {
        public SiloUnavailableException() : base("The silo is unavailable.") { }

        public SiloUnavailableException(string message) : base(message) { }

        public SiloUnavailableException(string message, Exception? innerException) : base(message, innerException) { }
    }
}

namespace Orleans.Storage
{
    using Orleans.Runtime;

    /// <summary>The stored state was not the one the grain had read. A grain call that ends with it deactivates its grain.</summary>
    public class InconsistentStateException : OrleansException
    {
        public InconsistentStateException() { }

        public InconsistentStateException(string message) : base(message) { }

        public InconsistentStateException(string message, Exception? innerException) : base(message, innerException) { }

        public InconsistentStateException(string errorMsg, string? storedEtag, string? currentEtag, Exception? storageException = null)
            : base(errorMsg, storageException)
        {
            StoredEtag = storedEtag;
            CurrentEtag = currentEtag;
        }

        /// <summary>The etag in the store.</summary>
        public string? StoredEtag { get; }

        /// <summary>The etag in memory.</summary>
        public string? CurrentEtag { get; }

        /// <summary>True until it left the grain whose state it is about, so that its callers are not deactivated as well.</summary>
        internal bool IsSourceActivation { get; set; } = true;
    }

    /// <summary>A grain asks for storage that is not registered.</summary>
    public sealed class BadProviderConfigException : OrleansException
    {
        public BadProviderConfigException() { }

        public BadProviderConfigException(string message) : base(message) { }

        public BadProviderConfigException(string message, Exception? innerException) : base(message, innerException) { }
    }
}
