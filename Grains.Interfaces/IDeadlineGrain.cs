namespace Orleans.Personalize;

/// <summary>One shard of the sweep over what comes due, keyed by the shard's number in decimal.</summary>
[Alias("IDeadlineGrain")]
public interface IDeadlineGrain : IGrainWithStringKey
{
    /// <summary>Keeps the shard awake. Every silo calls this for every shard now and then.</summary>
    Task Wake();
}
