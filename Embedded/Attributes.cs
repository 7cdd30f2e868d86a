// The attributes of Orleans that grains carry, under Orleans' names. Here they only steer scheduling and lifetime; those about serialization
// are kept so that the same source serializes under Microsoft Orleans. Messages of this runtime travel by reference.

namespace Orleans
{
    /// <summary>Marks a type that travels between grains or is stored by one.</summary>
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum)]
    public sealed class GenerateSerializerAttribute : Attribute;

    /// <summary>The stable number of a serialized member.</summary>
    [AttributeUsage(AttributeTargets.Field | AttributeTargets.Property | AttributeTargets.Parameter | AttributeTargets.Class |
        AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Method)]
    public sealed class IdAttribute(uint id) : Attribute
    {
        public uint Id { get; } = id;
    }

    /// <summary>The stable name of a type or method.</summary>
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Interface | AttributeTargets.Struct | AttributeTargets.Enum |
        AttributeTargets.Method, AllowMultiple = true)]
    public sealed class AliasAttribute(string alias) : Attribute
    {
        public string Alias { get; } = alias;
    }

    /// <summary>Promises that an instance does not change.</summary>
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Field | AttributeTargets.Property |
        AttributeTargets.Parameter | AttributeTargets.ReturnValue, Inherited = false)]
    public sealed class ImmutableAttribute : Attribute;

    /// <summary>How long activations of a grain class stay in memory unused; at least a minute. The default of the runtime is 15 minutes.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CollectionAgeLimitAttribute : Attribute
    {
        public static readonly TimeSpan MinAgeLimit = TimeSpan.FromMinutes(1);

        private readonly TimeSpan? inactivityPeriod;

        public CollectionAgeLimitAttribute() { }

        /// <param name="inactivityPeriod">A <see cref="TimeSpan"/> in its text form, such as <c>00:05:00</c>.</param>
        public CollectionAgeLimitAttribute(string inactivityPeriod) => this.inactivityPeriod = TimeSpan.Parse(inactivityPeriod);

        public double Days { get; set; }

        public double Hours { get; set; }

        public double Minutes { get; set; }

        /// <summary>Never collects activations for being idle.</summary>
        public bool AlwaysActive { get; set; }

        public TimeSpan AgeLimit
        {
            get
            {
                if (AlwaysActive)
                    return TimeSpan.FromDays(short.MaxValue);
                var age = inactivityPeriod ?? TimeSpan.FromDays(Days) + TimeSpan.FromHours(Hours) + TimeSpan.FromMinutes(Minutes);
                return age < MinAgeLimit ? MinAgeLimit : age;
            }
        }
    }
}

namespace Orleans.Concurrency
{
    /// <summary>Calls of this method may interleave with any other turn of the grain.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class AlwaysInterleaveAttribute : Attribute;

    /// <summary>The caller does not wait, and learns neither completion nor failure.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class OneWayAttribute : Attribute;

    /// <summary>All requests to grains of this class may interleave.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class ReentrantAttribute : Attribute;

    /// <summary>A key of this class names a pool of activations; a call goes to any of them.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class StatelessWorkerAttribute : Attribute
    {
        public StatelessWorkerAttribute() : this(-1) { }

        /// <param name="maxLocalWorkers">The most activations of a key; not positive means one a processor.</param>
        public StatelessWorkerAttribute(int maxLocalWorkers) =>
            MaxLocalWorkers = maxLocalWorkers > 0 ? maxLocalWorkers : Environment.ProcessorCount;

        internal int MaxLocalWorkers { get; }
    }
}
