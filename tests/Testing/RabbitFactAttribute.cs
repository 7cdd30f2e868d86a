namespace Orleans.Personalize.Testing;

/// <summary>A fact that needs RabbitMQ's server; skipped without it, unless PERSONALIZE_TESTS_NO_SKIP=1 says that it must be there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RabbitFactAttribute : FactAttribute
{
    public RabbitFactAttribute() => Skip = Missing;

    internal static string? Missing =>
        RabbitServer.Program is null && Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_NO_SKIP") != "1" ? RabbitServer.Advice : null;
}

/// <summary>Says of a contract's test class that it needs RabbitMQ's server.</summary>
public sealed class RabbitRequiredAttribute : RequirementAttribute
{
    public override string? Missing => RabbitFactAttribute.Missing;
}
