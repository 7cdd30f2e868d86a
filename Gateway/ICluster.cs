namespace Orleans.Personalize.Gateway;

/// <summary>The processes that hold the grains, as the actor runtime knows them. The host supplies the implementation of its runtime.</summary>
public interface ICluster
{
    /// <summary>What is known now. Asks every member, so it costs more than a look into memory.</summary>
    /// <exception cref="TimeoutException">The members do not answer.</exception>
    Task<ClusterView> ReadAsync(CancellationToken cancellation);
}

/// <param name="Runtime"><c>embedded</c>: this process is all there is; <c>orleans</c>: a cluster of silos.</param>
/// <param name="Members">Every silo that the membership knows of, the working ones first.</param>
/// <param name="Shards">Every shard of the deadline sweep.</param>
/// <param name="Console">The path of the runtime's own pages on this host; null where it has none.</param>
public sealed record ClusterView(string Runtime, SiloMember[] Members, ClusterShard[] Shards, string? Console = null);

/// <param name="Name">What logs call it.</param>
/// <param name="Address">Where the others reach it; null where there are none.</param>
/// <param name="Status"><c>active</c>, or where it is on its way there or out: <c>created</c>, <c>joining</c>, <c>shutting-down</c>, <c>stopping</c>, <c>dead</c>.</param>
/// <param name="AliveAt">When it last wrote down that it is alive; null where nobody has to.</param>
/// <param name="Activations">Grains in its memory, by kind: <c>customer</c>, <c>sender</c> …; those of the runtime itself are left out.</param>
public sealed record SiloMember(
    string Name, string? Address, string Status, DateTimeOffset Since, DateTimeOffset? AliveAt, IReadOnlyDictionary<string, int> Activations);

/// <param name="Member">The name of the silo that holds it; null while it sleeps.</param>
public sealed record ClusterShard(int Shard, string? Member);
