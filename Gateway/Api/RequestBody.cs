using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>The whole body of a request in one pooled buffer; give it back by disposing.</summary>
internal sealed class RequestBody : IDisposable
{
    private byte[] buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int length;

    private RequestBody()
    {
    }

    public ReadOnlySpan<byte> Utf8 => buffer.AsSpan(0, length);

    /// <summary>Only until it is disposed.</summary>
    public ReadOnlyMemory<byte> Memory => buffer.AsMemory(0, length);

    /// <summary>Reads a JSON body, unpacking gzip.</summary>
    /// <param name="request">The request.</param>
    /// <param name="bytesMax">The most bytes, after unpacking.</param>
    /// <param name="ofPage">Whether it may also be declared as <see cref="IsOfPage"/> says.</param>
    /// <exception cref="BadHttpRequestException">It is too large, or of another type or encoding.</exception>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, int bytesMax, bool ofPage = false)
    {
        RequireJson(request, ofPage);
        var encoding = request.Headers.ContentEncoding;
        var gzip = string.Equals(encoding, "gzip", StringComparison.OrdinalIgnoreCase);
        if (!gzip && encoding.Count > 0 && !string.Equals(encoding, "identity", StringComparison.OrdinalIgnoreCase))
            throw new BadHttpRequestException("The content encoding must be gzip or none.", StatusCodes.Status415UnsupportedMediaType);

        return await new RequestBody().FillWholeAsync(request, bytesMax, gzip);
    }

    /// <summary>Reads a body as it was sent: what is signed is these bytes, so nothing is unpacked.</summary>
    /// <param name="takes">Says of a media type, in lower case and empty where there is none, whether it is read.</param>
    /// <exception cref="BadHttpRequestException">It is too large, or of another type or encoding.</exception>
    public static async Task<RequestBody> ReadRawAsync(HttpRequest request, int bytesMax, Func<string, bool> takes)
    {
        var isNamed = MediaTypeHeaderValue.TryParse(request.ContentType, out var type);
        if (!takes(isNamed ? type!.MediaType.ToString().ToLowerInvariant() : "") || (!isNamed && !string.IsNullOrEmpty(request.ContentType)))
            throw new BadHttpRequestException("The content type is not one that this source sends.", StatusCodes.Status415UnsupportedMediaType);
        if (isNamed && type!.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            throw new BadHttpRequestException("The character set must be utf-8.", StatusCodes.Status415UnsupportedMediaType);
        if (request.Headers.ContentEncoding.Count > 0 && !string.Equals(request.Headers.ContentEncoding, "identity", StringComparison.OrdinalIgnoreCase))
            throw new BadHttpRequestException("The body must not be encoded: its signature is of what is sent.", StatusCodes.Status415UnsupportedMediaType);
        return await new RequestBody().FillWholeAsync(request, bytesMax);
    }

    /// <summary>Reads the body with a parser that throws <see cref="JsonException"/> at what is no JSON.</summary>
    /// <exception cref="BadHttpRequestException">It is no JSON.</exception>
    public T Parse<T, TArgument>(Func<ReadOnlySpan<byte>, TArgument, T> parser, TArgument argument)
    {
        try
        {
            return parser(Utf8, argument);
        }
        catch (JsonException exception)
        {
            throw new BadHttpRequestException($"The body {JsonDefects.Describe(exception)}.", exception);
        }
    }

    /// <exception cref="BadHttpRequestException">It is something else.</exception>
    public static void RequireObject(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty)
            throw new BadHttpRequestException("The body is empty; it must be a JSON object.");
        if (json.TrimStart(" \t\r\n"u8) is not [(byte)'{', ..])
            throw new BadHttpRequestException("The body must be a JSON object.");
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
        length = 0;
    }

    private async Task<RequestBody> FillWholeAsync(HttpRequest request, int bytesMax, bool gzip = false)
    {
        try
        {
            if (gzip)
                await UnpackAsync(request, bytesMax);
            // A body that breaks off fails by itself: no need for a token, which the framework would make for each request.
            else if (!await FillAsync(request.BodyReader, bytesMax, CancellationToken.None))
                await DiscardAsync(request, bytesMax);
            return this;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private async Task UnpackAsync(HttpRequest request, int bytesMax)
    {
        await using var unpacked = new GZipStream(request.Body, CompressionMode.Decompress);
        try
        {
            // What is left of a packed body that is too large is not unpacked, so that a small request cannot cost much.
            if (!await FillAsync(PipeReader.Create(unpacked), bytesMax, request.HttpContext.RequestAborted))
                throw TooLarge(bytesMax);
        }
        catch (InvalidDataException exception)
        {
            throw new BadHttpRequestException("The body is not valid gzip.", exception);
        }
    }

    /// <returns>False where the body is larger.</returns>
    private async Task<bool> FillAsync(PipeReader reader, int bytesMax, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await reader.ReadAsync(cancellation);
            var chunk = read.Buffer;
            if (length + chunk.Length > bytesMax)
            {
                reader.AdvanceTo(chunk.End);
                return false;
            }

            Reserve(length + (int)chunk.Length, bytesMax);
            chunk.CopyTo(buffer.AsSpan(length));
            length += (int)chunk.Length;
            reader.AdvanceTo(chunk.End);
            if (read.IsCompleted)
                return true;
        }
    }

    private void Reserve(int size, int bytesMax)
    {
        if (size <= buffer.Length)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(size, Math.Min(buffer.Length * 2, bytesMax)));
        Utf8.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    private static async Task DiscardAsync(HttpRequest request, int bytesMax)
    {
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                throw TooLarge(bytesMax);
        }
    }

    private static BadHttpRequestException TooLarge(int bytesMax) =>
        new($"The body is larger than {bytesMax} bytes.", StatusCodes.Status413PayloadTooLarge);

    /// <summary>
    /// Whether a body is declared as nothing, as text/plain or as a form: browsers send those to another origin without asking first
    /// (https://fetch.spec.whatwg.org/#cors-safelisted-request-header), and some HTTP clients call bytes a form unless they are told otherwise.
    /// </summary>
    public static bool IsOfPage(HttpRequest request) => request.ContentType is null || (MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && IsOfPage(type));

    private static bool IsOfPage(MediaTypeHeaderValue type) =>
        type.MediaType.Equals("text/plain", StringComparison.OrdinalIgnoreCase) || type.MediaType.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase);

    private static void RequireJson(HttpRequest request, bool ofPage)
    {
        if (request.ContentType is "application/json" || (ofPage && request.ContentType is null))
            return;
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !(type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) || (ofPage && IsOfPage(type))))
            throw new BadHttpRequestException("The content type must be application/json.", StatusCodes.Status415UnsupportedMediaType);
        if (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            throw new BadHttpRequestException("The character set must be utf-8.", StatusCodes.Status415UnsupportedMediaType);
    }
}
