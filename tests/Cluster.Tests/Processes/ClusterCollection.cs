namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>One test at a time: each has a few processes that are to be alone with their machine.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ClusterCollection
{
    public const string Name = "cluster";
}
