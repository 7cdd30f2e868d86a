namespace Orleans.Personalize.Testing;

/// <summary>A fact that needs PostgreSQL's server; skipped without it, unless PERSONALIZE_TESTS_NO_SKIP=1 says that it must be there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = Missing;

    internal static string? Missing =>
        PostgresServer.Binaries is null && Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_NO_SKIP") != "1" ? PostgresServer.Advice : null;
}

/// <summary>Says of a contract's test class that it needs PostgreSQL's server.</summary>
public sealed class PostgresRequiredAttribute : RequirementAttribute
{
    public override string? Missing => PostgresFactAttribute.Missing;
}
