using Orleans.Runtime;

namespace Orleans.Runtime
{
    /// <summary>What has an address: a grain or a reference to one.</summary>
    public interface IAddressable;
}

namespace Orleans
{
    public interface IGrain : IAddressable;

    public interface IGrainWithStringKey : IGrain;

    /// <summary>Makes references to grains. A reference costs nothing until it is called.</summary>
    public interface IGrainFactory
    {
        /// <param name="grainClassNamePrefix">Not supported here: an interface has one implementing class.</param>
        /// <exception cref="ArgumentException">No class, or more than one, implements the interface.</exception>
        TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
            where TGrainInterface : IGrainWithStringKey;
    }

    public interface IClusterClient : IGrainFactory
    {
        IServiceProvider ServiceProvider { get; }
    }
}
