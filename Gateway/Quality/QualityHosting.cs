using Microsoft.Extensions.DependencyInjection;

namespace Orleans.Personalize.Gateway.Quality;

internal static class QualityHosting
{
    /// <summary>Adds schemas, normalization and quarantine.</summary>
    public static IServiceCollection AddDataQuality(this IServiceCollection services) => services
        .AddSingleton<IDocumentRule, EventSchemaParser>()
        .AddSingleton<WarningSamples>()
        .AddSingleton<SourceNumbers>()
        .AddSingleton<Mending>()
        .AddSingleton<IQuarantinedFormat, NativeFormat>()
        .AddSingleton<IQuarantinedFormat, SegmentFormat>()
        .AddSingleton<IQuarantinedFormat, SourceFormat>()
        .AddSingleton<IQuarantinedFormat, ImportFormat>();
}
