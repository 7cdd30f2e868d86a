namespace Orleans.Personalize.Sources;

/// <summary>What the operator allows sources that this installation connects to, the configuration section <c>Personalize:Sources</c>.</summary>
public sealed class SourceOptions
{
    /// <summary>
    /// Whether brokers and polled addresses may lie in private networks and be spoken to without TLS. By default they may not: who can store a source
    /// could otherwise reach what only this machine can.
    /// </summary>
    public bool AllowPrivateTargets { get; init; }

    internal const string NotPublic = "has an address that is not public; the operator may allow that with Personalize:Sources:AllowPrivateTargets";
}
