package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/** The pictures of the day and their thumbnails. */
class PhotoTest {
    private static final int ODD =
            IntStream.range(0, Photo.ODD_EVERY).filter(Photo::isOdd).findFirst().orElseThrow();

    @Test
    void a_thumbnail_is_as_wide_as_it_should_be_and_keeps_the_proportions() throws Exception {
        BufferedImage thumbnail = ImageIO.read(new ByteArrayInputStream(Photo.thumbnail(Photo.sample(0))));

        assertThat(thumbnail.getWidth()).isEqualTo(200);
        assertThat(thumbnail.getHeight()).isEqualTo(140);
    }

    @Test
    void one_picture_in_so_many_cannot_be_read_before_the_bug_is_mended() throws Exception {
        assertThat(IntStream.range(0, 10 * Photo.ODD_EVERY).filter(Photo::isOdd))
                .hasSize(10);
        assertThatThrownBy(() -> Photo.thumbnail(Photo.sample(ODD)))
                .isInstanceOf(Photo.Unreadable.class)
                .hasMessage("no JPEG begins with the bytes 0d 0a");

        assertThat(Photo.thumbnailOfAny(Photo.sample(ODD)))
                .isEqualTo(Photo.thumbnailOfAny(Photo.sample(ODD + 8 * Photo.ODD_EVERY)));
    }
}
