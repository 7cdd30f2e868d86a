using Orleans.Runtime;

namespace Orleans.Hosting;

/// <summary>What is in memory, for the host to show. No grain needs it: of Orleans' own interfaces the management grain has these numbers.</summary>
public sealed class EmbeddedActivations
{
    private readonly EmbeddedRuntime runtime;

    internal EmbeddedActivations(EmbeddedRuntime runtime) => this.runtime = runtime;

    /// <summary>Activations by the class of the grain, as ids name it; classes without any are left out.</summary>
    public IReadOnlyDictionary<string, int> Count() => runtime.CountActivations();

    /// <param name="grain">A reference of the runtime's own factory.</param>
    /// <returns>Whether the grain is in memory, or about to be.</returns>
    public static bool IsActive(IAddressable grain) => grain is GrainReference reference && reference.Class.Has(reference.Key);
}
